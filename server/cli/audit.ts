import { parseArgs } from "node:util";
import { StartError } from "../base/start-error.ts";
import type { Config } from "../config/config.ts";
import { type NotedEvent, verifyChains } from "../domain/access/audit-log.ts";
import type { Store } from "../store/store.ts";
import { openStoreBeside } from "./store-beside.ts";

const HELP = `Verifies the audit log of every account: that nothing in it was changed, taken out or put in.

Usage:
  npm run audit -- verify
  npm run audit -- verify --head ACCOUNT=SEQUENCE:HASH   also that this event is still what it was

Each account's line ends with the sequence and the hash of its last event. Keep them elsewhere: a log that was cut at its
end, or written anew as a whole, is only found by --head. Exit 1 if anything is wrong. It works beside a running server.
`;

/** Runs `audit …`; answers with the exit code. */
export async function runAudit(words: string[], readConfig: () => Config): Promise<number> {
  const { values, positionals } = parseArgs({
    args: words,
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h" }, head: { type: "string", multiple: true, default: [] } },
  });
  if (values.help || positionals.length === 0) return print(HELP);
  if (positionals.join(" ") !== "verify") {
    throw new StartError(`There is no command "audit ${positionals.join(" ")}". See: npm run audit -- --help`);
  }
  const noted = values.head.map(readHead);
  const disposers: (() => Promise<void> | void)[] = [];
  try {
    return await verify(await openStoreBeside(readConfig(), disposers), noted);
  } finally {
    for (const disposer of disposers.reverse()) await disposer();
  }
}

async function verify(store: Store, noted: readonly NotedEvent[]): Promise<number> {
  const missing = new Set(noted.map(({ accountId }) => accountId));
  let wrong = 0;
  for await (const { accountId, sequence, hash, unstorable } of verifyChains(store.fork(), noted)) {
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
