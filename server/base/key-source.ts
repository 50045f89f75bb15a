import { Fault } from "./fault.ts";

/** A data key, wrapped. */
export interface WrappedBytes {
  /** Which key wrapped it, and which version of that key if it has versions. */
  readonly keyId: string;
  readonly blob: Readonly<Record<string, string>>;
}

/**
 * The keys that encrypt data keys (KEKs), wherever they are kept: in a key ring, or in a service that never lets them
 * out. While they cannot be asked, every call fails with the Fault KEYS_UNAVAILABLE.
 */
export interface KeySource {
  /** What its operator calls it, with the setting that chose it. */
  readonly name: string;
  /** The key that wraps from now on. */
  activeKeyId(): Promise<string>;
  /** What is wrapped opens in the same context only. */
  wrap(bytes: Uint8Array, context: readonly string[]): Promise<WrappedBytes>;
  /** Undefined: it will never open, because its bytes or its context are not those that were wrapped. */
  unwrap(wrapped: WrappedBytes, context: readonly string[]): Promise<Uint8Array | undefined>;
}

const RETRY_AFTER_MS = 1_000;

/** The refusal of a call that needs a key which cannot be had now; the cause is for the operator. */
export function keysUnavailable(cause: Error): Fault {
  const message = "the keys that encrypt stored credentials cannot be reached now; try again in a moment";
  return new Fault("KEYS_UNAVAILABLE", message, { retryAfterMs: RETRY_AFTER_MS }, cause);
}
