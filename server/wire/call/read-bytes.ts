import type { NodeRequest } from "./exchange.ts";
import { callCancelled } from "./wire-error.ts";

const NONE = new Uint8Array(0);

/**
 * All bytes that a request sends, up to a limit. By events, not by an async iterator: that one would destroy the request,
 * and with it the answer, when it stops early.
 */
export function readBytes(request: NodeRequest, limitBytes: number, refuse: () => Error): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    const onData = (chunk: Uint8Array) => {
      sizeBytes += chunk.length;
      chunks.push(chunk);
      if (sizeBytes <= limitBytes) return;
      request.off("data", onData).pause();
      reject(refuse());
    };
    request.on("data", onData);
    request.once("end", () => resolve(chunks.length === 1 ? (chunks[0] ?? NONE) : Buffer.concat(chunks)));
    request.once("error", () => reject(callCancelled()));
    // Every request closes, and an error is not made for nothing.
    request.once("close", () => request.readableEnded || reject(callCancelled()));
  });
}
