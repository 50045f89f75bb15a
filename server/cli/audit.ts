import { StartError } from "../base/fault.ts";
import { openStoreBeside } from "../compose/store-beside.ts";
import type { Config } from "../config/config.ts";
import { type NotedEvent, verifyChains } from "../domain/access/audit-log.ts";
import type { Store } from "../store/store.ts";

/** Verifies the audit log of every account; answers with the exit code, 1 if anything is wrong. */
export async function verifyAudit(heads: readonly string[], readConfig: () => Config): Promise<number> {
  const noted = heads.map(readHead);
  const disposers: (() => Promise<void> | void)[] = [];
  try {
    return await verify(await openStoreBeside(readConfig(), disposers), noted);
  } finally {
    for (const dispose of disposers.reverse()) await dispose();
  }
}

async function verify(store: Store, noted: readonly NotedEvent[]): Promise<number> {
  const missing = new Set(noted.map(({ accountId }) => accountId));
  let wrong = 0;
  for await (const { accountId, sequence, hash, unstorable } of verifyChains(store.rows, noted)) {
    missing.delete(accountId);
    if (unstorable) wrong++;
    print(`${accountId}  ${unstorable ? `WRONG: ${unstorable}` : "whole"}  ${sequence}:${hash.toString("hex")}\n`);
  }
  for (const accountId of missing) print(`${accountId}  WRONG: there is no audit log\n`);
  return wrong + missing.size > 0 ? 1 : 0;
}

function readHead(text: string): NotedEvent {
  const [, accountId = "", sequence, hash = ""] = /^([0-9a-f-]{36})=(\d+):([0-9a-f]{64})$/.exec(text) ?? [];
  if (sequence === undefined) throw new StartError(`--head is "${text}"; it must be ACCOUNT=SEQUENCE:HASH.`);
  return { accountId, sequence: Number(sequence), hash };
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
