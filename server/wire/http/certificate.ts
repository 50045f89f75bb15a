import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { createSecureContext } from "node:tls";
import { ListenError } from "./listen.ts";

/** Where the PEM files of a certificate chain and of its private key are. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate chain and its private key, which fit each other. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Reads a certificate and its key; fails with the name of the setting that is wrong. */
export async function readCertificate({ certFile, keyFile }: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([readPem("TLS_CERT_FILE", certFile), readPem("TLS_KEY_FILE", keyFile)]);
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw new ListenError(
      `TLS_CERT_FILE is ${certFile} and TLS_KEY_FILE is ${keyFile}; they must hold a certificate and its key, in PEM.`,
      { cause },
    );
  }
  return { cert, key };
}

/**
 * Calls `onChange` with each new valid content of the files, and `onError` once for each reason why there is none.
 *
 * It reads them again and again instead of watching: that also sees the swapped links of Kubernetes and of certbot,
 * and works on network file systems.
 */
export function followCertificate(
  files: CertificateFiles,
  initial: Certificate,
  { everyMs, onChange, onError }: FollowOptions,
): { stop(): void } {
  let isStopped = false;
  void (async () => {
    let current = initial;
    let reported: string | undefined;
    for (;;) {
      await delay(everyMs, undefined, { ref: false });
      if (isStopped) return;
      try {
        const read = await readCertificate(files);
        reported = undefined;
        if (read.cert.equals(current.cert) && read.key.equals(current.key)) continue;
        onChange(read);
        current = read;
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        if (error.message !== reported) onError(error);
        reported = error.message;
      }
    }
  })();
  return {
    stop() {
      isStopped = true;
    },
  };
}

interface FollowOptions {
  readonly everyMs: number;
  onChange(certificate: Certificate): void;
  onError(error: Error): void;
}

async function readPem(setting: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new ListenError(`${setting} is ${file}, which cannot be read.`, { cause });
  }
}
