/** What was done: page by page, or as a whole, taken home or proven to be what was written. */
import { createClient } from "@connectrpc/connect";
import { useInfiniteQuery } from "@connectrpc/connect-query";
import type { AuditEvent } from "../../../gen/patchbay/v1/audit_event_pb.ts";
import { AuditService } from "../../../gen/patchbay/v1/audit_service_pb.ts";
import { download } from "../browser/download.ts";
import { nextPage } from "../calls/query.ts";
import { transport } from "../calls/transport.ts";

export type { AuditEvent };

export const auditMethods = AuditService.method;
const client = createClient(AuditService, transport);

export interface AuditFilter {
  readonly accountId?: string;
  readonly resourceType?: string;
  readonly resourceId?: string;
  readonly action?: string;
}

export const useAuditEvents = (filter: AuditFilter, isEnabled = true) =>
  useInfiniteQuery(
    AuditService.method.listAuditEvents,
    { ...filter, pageSize: 100, pageToken: "" },
    { pageParamKey: "pageToken", getNextPageParam: nextPage, enabled: isEnabled },
  );

export type Verdict =
  | { readonly kind: "fine"; readonly count: number; readonly hash: string }
  | { readonly kind: "broken" | "gap"; readonly sequence: bigint }
  | { readonly kind: "unable" };

const TOLD_EVERY = 500;

/**
 * Follows the chain of hashes: SHA-256 over the hash before (nothing, for the first), the sequence in decimal, a line
 * feed, and the record, as ExportAuditEvents says.
 */
export async function verifyEvents(accountId: string, onCount: (count: number) => void): Promise<Verdict> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) return { kind: "unable" };
  let [count, hash] = [0, ""];
  for await (const event of client.exportAuditEvents({ accountId })) {
    if (event.sequence !== BigInt(count) + 1n) return { kind: "gap", sequence: event.sequence };
    const before = Uint8Array.from(hash.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    const said = new TextEncoder().encode(`${event.sequence}\n${event.record}`);
    const bytes = new Uint8Array(before.length + said.length);
    bytes.set(before);
    bytes.set(said, before.length);
    const digest = new Uint8Array(await subtle.digest("SHA-256", bytes));
    hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (hash !== event.hash) return { kind: "broken", sequence: event.sequence };
    count += 1;
    if (count % TOLD_EVERY === 0) onCount(count);
  }
  return { kind: "fine", count, hash };
}

/** One event a line, with all that it takes to verify them. */
export async function exportEvents(accountId: string, onCount: (count: number) => void): Promise<undefined> {
  const lines: string[] = [];
  for await (const { accountId: owner, sequence, record, hash } of client.exportAuditEvents({ accountId })) {
    lines.push(`${JSON.stringify({ accountId: owner, sequence: String(sequence), record, hash })}\n`);
    if (lines.length % TOLD_EVERY === 0) onCount(lines.length);
  }
  download(`audit-${accountId}.jsonl`, "application/jsonl", ...lines);
}
