import { createHash } from "node:crypto";
import { type AuditHead, type AuditRow, auditEventsAfter, auditHeads } from "../../store/audit-queries.ts";
import type { EntityManager } from "../../store/store.ts";

const READ_AT_ONCE = 1_000;
const NOTHING = Buffer.alloc(0);

/** What a chain turned out to be. */
export interface ChainVerdict extends AuditHead {
  /** Where it breaks and how, in a sentence; undefined if it is whole. */
  readonly flaw: string | undefined;
}

/** An event as somebody noted it earlier; its hash in hexadecimal digits. */
export interface NotedEvent {
  readonly accountId: string;
  readonly sequence: number;
  readonly hash: string;
}

/** The hash that an event must have behind the one before; of the first event, that is empty. */
export function hashOf(previous: Buffer, { sequence, record }: Pick<AuditRow, "sequence" | "record">): Buffer {
  return createHash("sha256").update(previous).update(`${sequence}\n${record}`).digest();
}

/**
 * Recomputes every chain. It finds what was changed, taken out or put in; a chain that was cut at its end or written anew
 * as a whole is only found by comparing its head with one that was noted elsewhere.
 */
export async function* verifyChains(
  em: EntityManager,
  noted: readonly NotedEvent[] = [],
): AsyncGenerator<ChainVerdict> {
  for (const head of await auditHeads(em)) {
    const known = noted.filter(({ accountId }) => accountId === head.accountId);
    yield { ...head, flaw: await flawOf(em, head, known) };
  }
}

async function flawOf(em: EntityManager, head: AuditHead, known: readonly NotedEvent[]): Promise<string | undefined> {
  const beyond = known.find((one) => one.sequence > head.sequence);
  if (beyond) return `event ${beyond.sequence} was there once, and the chain ends with ${head.sequence}`;
  let previous: Buffer = NOTHING;
  let sequence = 0;
  while (sequence < head.sequence) {
    // Not beyond the head as it was read: a server may be appending.
    const limit = Math.min(READ_AT_ONCE, head.sequence - sequence);
    const rows = await auditEventsAfter(em, head.accountId, sequence, limit);
    for (const row of rows) {
      if (row.sequence !== sequence + 1) break;
      const hash = hashOf(previous, row);
      if (!hash.equals(row.hash)) return `event ${row.sequence} is not what was written, or not in its place`;
      previous = hash;
      sequence = row.sequence;
      const before = known.find((one) => one.sequence === sequence);
      if (before && before.hash !== hash.toString("hex")) return `event ${sequence} was another one once`;
    }
    if (rows.length === 0 || rows.at(-1)?.sequence !== sequence) return `event ${sequence + 1} is missing`;
  }
  return previous.equals(head.hash) ? undefined : "the last event is not the one that the chain ends with";
}
