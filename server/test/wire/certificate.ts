import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";

/** A key, and a certificate of its own for localhost and 127.0.0.1, in PEM. */
export function makeCertificate(): { readonly key: string; readonly cert: string } {
  const folder = makeTemporaryFolder("certificate");
  const [key, cert] = [join(folder.path, "key.pem"), join(folder.path, "cert.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  try {
    execFileSync("openssl", ["req", "-x509", ...curve, ...subject, "-keyout", key, "-out", cert], { stdio: "pipe" });
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } finally {
    folder.remove();
  }
}
