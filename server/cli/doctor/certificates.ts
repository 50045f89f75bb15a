import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { StartError } from "../../base/fault.ts";
import type { Config } from "../../config/config.ts";
import { readCertificate } from "../../wire/http/certificate.ts";
import { doubt, type Finding, fine, skipped, wrong, wrongAs } from "./finding.ts";

const SOON_DAYS = 14;
const DAY_MS = 86_400_000;
const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificate that the port shows, and those of authorities that Node is told to trust. */
export async function examineCertificates(
  { tls, host }: Config,
  extraFile: string | undefined,
  now: Date,
): Promise<Finding[]> {
  return [...(await ownCertificate(tls, host, now)), ...authorities(extraFile, now)];
}

async function ownCertificate(tls: Config["tls"], host: string, now: Date): Promise<Finding[]> {
  const about = "TLS_CERT_FILE";
  if (!tls) {
    if (/^(127\.|::1$|localhost$)/.test(host))
      return [skipped(about, "the port speaks clear text, to this machine only")];
    return [
      doubt(
        about,
        `the port speaks clear text on ${host}: whoever is in between reads the API keys`,
        "Set TLS_CERT_FILE and TLS_KEY_FILE, or let only a proxy that speaks TLS reach the port.",
      ),
    ];
  }
  try {
    const { cert } = await readCertificate(tls);
    const [leaf, ...rest] = certificatesIn(cert.toString());
    const found = leaf ? [...dates(leaf, about, now), ...chain(leaf, rest, about)] : [];
    return [...found, ...rights(tls.keyFile)];
  } catch (error) {
    if (error instanceof StartError) return [wrongAs(about, error)];
    throw error;
  }
}

function certificatesIn(pem: string): X509Certificate[] {
  return (pem.match(PEM) ?? []).map((text) => new X509Certificate(text));
}

function dates({ validFromDate, validToDate, subject }: X509Certificate, about: string, now: Date): Finding[] {
  const name = subject?.split("\n").join(", ") || "a certificate without a subject";
  const days = Math.floor((validToDate.getTime() - now.getTime()) / DAY_MS);
  if (validFromDate > now) {
    const mend = "Look at this machine's clock, or wait.";
    return [wrong(about, `${name} is not valid before ${validFromDate.toISOString()}`, mend)];
  }
  if (validToDate < now) {
    const mend = "Renew it; a running server reads the new files by itself.";
    return [wrong(about, `${name} has expired, at ${validToDate.toISOString()}`, mend)];
  }
  if (days < SOON_DAYS)
    return [doubt(about, `${name} expires in ${days} days`, "Renew it; a running server takes it.")];
  return [fine(about, `${name}, valid for ${days} days more`)];
}

/** Clients know roots, and nothing between them and the certificate that the server does not send. */
function chain(leaf: X509Certificate, [next]: readonly X509Certificate[], about: string): Finding[] {
  if (next && !leaf.checkIssued(next)) {
    const mend = "Put them in order: the server's first, then the one that signed it, and so on.";
    return [wrong(about, "its second certificate did not sign the first", mend)];
  }
  if (next) return [];
  if (leaf.checkIssued(leaf)) {
    const mend = "Name it to clients: NODE_EXTRA_CA_CERTS, SSL_CERT_FILE, or --cacert of curl.";
    return [doubt(about, "it signed itself: no client trusts it that was not told to", mend)];
  }
  const mend = "Take the file with the whole chain (fullchain.pem) if an authority between signed it.";
  return [doubt(about, "it comes without the certificate that signed it", mend)];
}

function rights(keyFile: string): Finding[] {
  const { mode } = statSync(keyFile);
  if ((mode & 0o007) === 0) return [];
  return [doubt("TLS_KEY_FILE", `everybody on this machine can read ${keyFile}`, `chmod o= ${keyFile}`)];
}

/** Node warns of a file that it cannot read, and goes on without. */
function authorities(file: string | undefined, now: Date): Finding[] {
  const about = "NODE_EXTRA_CA_CERTS";
  if (!file) return [];
  let found: X509Certificate[];
  try {
    found = certificatesIn(readFileSync(file, "utf8"));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return [wrong(about, `${file} cannot be read (${code ?? message})`, "Name a file of certificates in PEM.")];
  }
  if (found.length === 0) return [wrong(about, `${file} holds no certificate`, "Name a file of certificates in PEM.")];
  const expired = found.filter(({ validToDate }) => validToDate < now);
  if (expired.length === found.length) {
    return [wrong(about, `all certificates of ${file} have expired`, "Get the authority's new one.")];
  }
  return [fine(about, `${found.length - expired.length} authorities are trusted besides Node's own`)];
}
