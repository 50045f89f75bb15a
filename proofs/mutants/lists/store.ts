import type { Mutant, Tests } from "../mutant.ts";

const mutantOf =
  (file: string, tests: Tests) =>
  (rule: string, from: string, to: string, named?: string): Mutant => ({
    rule,
    file: `server/store/${file}`,
    from,
    to,
    tests: named === undefined ? tests : { ...tests, named },
  });
const beside = (file: string): Tests => ({ files: [`server/store/${file}`] });

const errors = mutantOf("sql/database-errors.ts", beside("sql/database-errors.test.ts"));
const group = mutantOf("sql/group-commit.ts", beside("sql/group-commit.test.ts"));
const cache = mutantOf("cache/row-cache.ts", beside("cache/row-cache.test.ts"));
const sealing = mutantOf("vault/sealing.ts", {
  files: ["server/store/vault/sealing.test.ts", "server/store/vault/vault.test.ts"],
});
const schedules = mutantOf("queries/schedules.ts", beside("queries/schedules.test.ts"));
const budgets = mutantOf("queries/budgets.ts", { files: ["server/domain/usage/budgets.test.ts"] });
const answered = mutantOf("queries/answered-requests.ts", { files: ["server/service/call"] });
const rate = mutantOf("rate-limit.ts", beside("rate-limit.test.ts"));

/** What the store promises. */
export const STORE: readonly Mutant[] = [
  errors("a lock that does not come in time is an outage", "|55P03", ""),
  errors("a deadlock that was broken is an outage", "|40P01", ""),
  schedules(
    "who takes what is due passes over what is taken",
    "order by next_check_at limit ? for update skip locked",
    "order by next_check_at limit ? for update",
  ),
  schedules("what is leased is not taken", " and (checking_until is null or checking_until <= now())", ""),
  group(
    "entries of one turn of the event loop are one group",
    "    await new Promise((resolve) => setImmediate(resolve));\n",
    "",
  ),
  group("groups have a largest size", "splice(0, this.#largest)", "splice(0)"),
  group(
    "a group that fails fails for all who wait",
    "for (const { reject } of group) reject(error);",
    "for (const { reject } of group.slice(0, 1)) reject(error);",
  ),
  cache("nothing is held while changes are not told", " && this.#changes.isLive", ""),
  cache("what was loaded before a change is not held", "generation === this.#generation && ", ""),
  cache("a change of another table that matters empties it", "else if (clearedBy.includes(changed)) this.clear();", ""),
  cache("changes that were missed empty it", "missed: () => this.clear(),", "missed: () => {},"),
  ...["column", "ownerId", "rowId", "String(version)", "endpoint"].map((part) =>
    sealing(
      `a secret is bound to its ${part}`,
      "return [column, ownerId, rowId, String(version), endpoint];",
      `return [column, ownerId, rowId, String(version), endpoint].filter((part) => part !== ${part});`,
    ),
  ),
  sealing(
    "parts of a binding are neither empty nor hold a NUL",
    'part === "" || part.includes("\\0")',
    'part.includes("\\0")',
  ),
  budgets("what is reserved counts", "} - reserved, 0) as fits", "}, 0) as fits"),
  budgets("a budget that warns lets chats pass", "bool_and(fits or mode = 'WARN')", "bool_and(fits)"),
  budgets("what is imposed stays imposed", "where excluded.is_imposed or not budget.is_imposed", "where true"),
  answered(
    "answers are forgotten after a day",
    "where earlier.created_at < now() - interval",
    "where false and earlier.created_at < now() - interval",
  ),
  rate(
    "who is over the limit is refused from memory",
    "this.#over.set(subject, true, { ttl: Math.max(1, refusal.msBeforeNext) });",
    "",
  ),
];
