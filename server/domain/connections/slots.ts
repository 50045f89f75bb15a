import type { Llm, StoredSlot } from "../../store/schema/llm.entity.ts";
import type { SealedSecret } from "../../store/vault/sealing.ts";
import { type Credentials, hintOf, refOf } from "./credentials.ts";

/** The same words as `StoredCredentials.Slot` in proto/patchbay/v1/credentials.proto. */
export type Slot = "CURRENT" | "PENDING" | "PREVIOUS";

/** The columns of a row that keeps its credentials in slots. */
export type SlotColumns = Pick<
  Llm,
  | "sealedCredentials"
  | "credentialsVersion"
  | "credentialsIssued"
  | "hasCredentials"
  | "credentialsHint"
  | "credentialsRef"
  | "credentialsFingerprint"
  | "sealedPendingCredentials"
  | "pendingCredentials"
  | "sealedPreviousCredentials"
  | "previousCredentials"
>;

/** Sealed credentials, and what may be told of them. They are sealed to their row, not to a slot of it. */
export interface Kept {
  readonly sealed: SealedSecret;
  readonly facts: Facts;
}

type Facts = Omit<StoredSlot, "since">;

/** The version of the next credentials of a row; it has never been another's. */
export function issueVersion(row: SlotColumns): number {
  // A server of the version before this one counted in the version itself.
  row.credentialsIssued = Math.max(row.credentialsIssued, row.credentialsVersion) + 1;
  return row.credentialsIssued;
}

/** What is kept of new credentials. */
export function keep(credentials: Credentials, version: number, fingerprint: Buffer, sealed: SealedSecret): Kept {
  const facts = { version, hint: hintOf(credentials), ref: refOf(credentials) };
  return { sealed, facts: { ...facts, fingerprint: fingerprint.toString("base64") } };
}

/** What is in a slot of a row that was loaded with its sealed credentials; those that were lost do not open. */
export function keptIn(row: Readonly<SlotColumns>, slot: Slot): Kept | undefined {
  const { sealed, facts } = {
    CURRENT: { sealed: row.sealedCredentials, facts: row.hasCredentials ? currentFacts(row) : null },
    PENDING: { sealed: row.sealedPendingCredentials, facts: row.pendingCredentials },
    PREVIOUS: { sealed: row.sealedPreviousCredentials, facts: row.previousCredentials },
  }[slot];
  return facts ? { sealed: sealed as SealedSecret, facts } : undefined;
}

/** Makes credentials the ones that are used. */
export function setCurrent(row: SlotColumns, kept: Kept): void {
  row.sealedCredentials = kept.sealed;
  row.hasCredentials = true;
  row.credentialsVersion = kept.facts.version;
  row.credentialsHint = kept.facts.hint;
  row.credentialsRef = kept.facts.ref;
  row.credentialsFingerprint = Buffer.from(kept.facts.fingerprint, "base64");
}

/** Takes away the ones that are used; the fingerprint of none is a value like others. */
export function clearCurrent(row: SlotColumns, fingerprintOfNone: Buffer): void {
  row.sealedCredentials = null;
  row.hasCredentials = false;
  row.credentialsHint = "";
  row.credentialsRef = "";
  row.credentialsFingerprint = fingerprintOfNone;
}

/** Puts credentials beside those that are used, or erases those that are there. */
export function setAside(row: SlotColumns, slot: "PENDING" | "PREVIOUS", kept: Kept | undefined): void {
  const facts = kept ? { ...kept.facts, since: Date.now() } : null;
  if (slot === "PENDING") {
    row.sealedPendingCredentials = kept?.sealed ?? null;
    row.pendingCredentials = facts;
  } else {
    row.sealedPreviousCredentials = kept?.sealed ?? null;
    row.previousCredentials = facts;
  }
}

function currentFacts(row: Readonly<SlotColumns>): Facts {
  return {
    version: row.credentialsVersion,
    hint: row.credentialsHint,
    ref: row.credentialsRef,
    fingerprint: row.credentialsFingerprint.toString("base64"),
  };
}
