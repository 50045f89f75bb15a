import { type AllowedNames, addAllowed } from "../limits/allowed.ts";
import { Llm } from "../schema/llm.entity.ts";
import { Conditions, keysetOf, type OrderColumn } from "../sql/conditions.ts";
import type { RowReader } from "../sql/rows.ts";

/** The columns a list can be ordered by. */
export type LlmOrder = "createdAt" | "updatedAt" | "displayName" | "modelIdentifier";

/** Which Llms a list is about; an undefined filter does not filter. */
export interface LlmFilter {
  readonly ownerId: string | undefined;
  readonly providerType: string | undefined;
  readonly status: string | undefined;
  readonly modelState: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly search: string;
  /** Also what is deleted and not yet purged. */
  readonly showDeleted: boolean;
  /** Those that these names stand for; empty for all. */
  readonly allowed?: readonly AllowedNames[];
}

/** Where a page starts: behind the row with these values. */
export interface LlmPosition {
  readonly value: string;
  readonly id: string;
}

export interface LlmPage {
  readonly filter: LlmFilter;
  readonly order: LlmOrder;
  readonly descending: boolean;
  readonly after: LlmPosition | undefined;
  readonly limit: number;
}

const COLUMNS: Record<LlmOrder, OrderColumn> = {
  createdAt: { column: "created_at", type: "timestamptz" },
  updatedAt: { column: "updated_at", type: "timestamptz" },
  displayName: { column: "display_name", type: "text" },
  modelIdentifier: { column: "model_identifier", type: "text" },
};

const LIVE = "llm.deleted_at is null";
const DELETED = "llm.deleted_at is not null";

/** One page, in an order that is total. */
export function listLlms(
  rows: RowReader,
  { filter, order, descending, after, limit }: LlmPage,
): Promise<Readonly<Llm>[]> {
  const keyset = keysetOf("llm", COLUMNS[order], descending);
  const where = conditionsOf(filter);
  if (after) where.add(keyset.behind, after.value, after.id);
  const ordered = `${keyset.order} limit ${limit}`;
  const pageOf = (state: string) => `where ${state} and ${where.text} ${ordered}`;
  // The indexes hold either what is deleted or what is not: each gives a page, and the first of both pages are the page.
  const both = [LIVE, DELETED].map((state) => `(select llm.id from llm ${pageOf(state)})`).join(" union all ");
  const text = filter.showDeleted ? `where llm.id in (${both}) ${ordered}` : pageOf(LIVE);
  return rows.select(Llm, { text, values: where.values });
}

/** How many there are, counted up to a limit: a count costs what is counted. */
export function countLlms(rows: RowReader, filter: LlmFilter, limit: number): Promise<number> {
  const { text, values } = conditionsOf(filter);
  const state = filter.showDeleted ? `(${LIVE} or ${DELETED})` : LIVE;
  return rows.count({ text: `select from llm where ${state} and ${text} limit ${limit}`, values });
}

function conditionsOf(filter: LlmFilter): Conditions {
  const where = new Conditions();
  // Always true, see llm.entity.ts.
  if (filter.ownerId === undefined) where.add("llm.revision > 0");
  else where.add("llm.owner_id = ?", filter.ownerId);
  if (filter.providerType !== undefined) where.add("llm.provider_type = ?", filter.providerType);
  if (filter.status === "DISABLED") where.add("llm.disabled");
  else if (filter.status !== undefined) where.add("llm.status = ? and not llm.disabled", filter.status);
  if (filter.modelState !== undefined) where.add("llm.model_state = ?", filter.modelState);
  if (Object.keys(filter.labels).length > 0) where.add("llm.labels @> ?::jsonb", JSON.stringify(filter.labels));
  if (filter.search !== "") where.add("llm.search like ?", patternOf(filter.search));
  addAllowed(where, "llm", filter.allowed);
  return where;
}

/** Of fewer than three characters the index knows only the beginnings of words; anywhere else, all rows would be read. */
function patternOf(search: string): string {
  const escaped = search.toLowerCase().replace(/[\\%_]/g, "\\$&");
  return [...search].length < 3 ? `% ${escaped}%` : `%${escaped}%`;
}
