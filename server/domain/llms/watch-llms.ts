import { Fault } from "../../base/fault.ts";
import { changesAfter, type PlacedChange, placeChanges } from "../../store/queries/changes.ts";
import { findNameables } from "../../store/queries/llm-names.ts";
import { findLlms } from "../../store/queries/llms.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { RowReader } from "../../store/sql/rows.ts";
import type { EntityManager } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { ApiKeys } from "../access/api-keys.ts";
import { isModelLimited, mayUse } from "../call/holder-limits.ts";
import { type PositionKey, readPosition, signPosition } from "../call/paging.ts";
import type { OwnPermission } from "../call/permissions.ts";
import { reach, requireReach, type Scope } from "../call/scope.ts";
import type { ChangeFeed } from "./change-feed.ts";
import { LLM_NOUN, type LlmChangeKind } from "./values.ts";

const READ_AT_ONCE = 50;
/** After so much quiet a watch gets a newer position, and its connection a sign of life. */
const SIGN_OF_LIFE_MS = 30_000;
/** What was read longer ago is read anew, so that a database that went away is noticed. */
const SHARED_MS = 1_000;
const MAX_READINGS = 1_000;

/** What those who watch resources are told. */
export interface WatchEvent<Row, Kind extends string> {
  readonly kind: Kind | "caught_up";
  /** Undefined when nothing happened. */
  readonly change: PlacedChange | undefined;
  /** The resource as it was after the change, or later; undefined if it was deleted by then. */
  readonly row: Readonly<Row> | undefined;
  readonly resumeToken: string;
}

/** What is behind a position, for all who watch from there. */
interface Reading<Row, Kind extends string> {
  readonly events: readonly (WatchEvent<Row, Kind> & { readonly change: PlacedChange })[];
  readonly head: number;
  readonly forgotten: number;
  /** For who owes a sign that these are all. */
  readonly caughtUp: WatchEvent<Row, Kind>;
}

/** A reading, and when it was begun. */
interface SharedReading<Row, Kind extends string> {
  readonly round: number;
  readonly at: number;
  readonly reading: Promise<Reading<Row, Kind>>;
}

/** Which resources are followed. */
export interface Followed<Row> {
  readonly noun: string;
  /** What a resume token is bound to, beside the owner. */
  readonly key: string;
  readonly permission: OwnPermission;
  find(rows: RowReader, ids: readonly string[], ownerId: string | undefined): Promise<readonly Readonly<Row>[]>;
}

export interface WatchDeps {
  readonly rows: RowReader;
  readonly vault: Vault;
  readonly feed: ChangeFeed;
  readonly keys: ApiKeys;
}

/** Follows the changes of resources of one noun. */
export class ResourceWatch<Row extends { readonly id: string }, Kind extends string> {
  readonly #deps: WatchDeps;
  readonly #followed: Followed<Row>;
  readonly #readings = new Map<string, SharedReading<Row, Kind>>();

  constructor(deps: WatchDeps, followed: Followed<Row>) {
    this.#deps = deps;
    this.#followed = followed;
  }

  /** Between two events it holds a position and nothing else: no connection, no row, no queue. */
  async *watch(scope: Scope, asked: string | undefined, resumeToken: string): AsyncGenerator<WatchEvent<Row, Kind>> {
    const { feed, keys } = this.#deps;
    const { noun, permission } = this.#followed;
    if (asked !== undefined) requireReach(scope, asked, permission);
    const ownerId = asked ?? reach(scope, permission);
    const key = [this.#followed.key, ownerId];
    const subscription = feed.subscribe(ownerId);
    try {
      const now = await headOf(scope.em.fork(), noun);
      let position = this.#positionIn(key, resumeToken) ?? now;
      for (let owesSign = true; ; ) {
        const { events, head, forgotten, caughtUp } = await this.#shared(scope, key, ownerId, position);
        // Beyond the head is what was read before the database went back to a backup.
        if (position < forgotten || position > head) throw expired();
        const shown = await this.#shownOf(
          scope,
          events.map(({ change }) => change),
        );
        for (const event of events) {
          position = event.change.position;
          if (!shown || shown.has(event.change.resourceId)) yield event;
        }
        if (events.length === READ_AT_ONCE) continue;
        position = Math.max(position, head);
        if (owesSign) yield caughtUp;
        owesSign = !(await subscription.wait(SIGN_OF_LIFE_MS, scope.signal));
        await keys.requireUnchanged(scope.caller);
      }
    } finally {
      subscription.close();
    }
  }

  /**
   * What is behind a position. Those who watch the same things from the same place are told by one read, and by the same
   * objects, so that these are also presented and written once.
   */
  #shared(scope: Scope, key: PositionKey, ownerId: string | undefined, position: number): Promise<Reading<Row, Kind>> {
    const { round } = this.#deps.feed;
    const name = `${ownerId ?? ""} ${position}`;
    const known = this.#readings.get(name);
    if (known?.round === round && performance.now() - known.at < SHARED_MS) return known.reading;
    if (this.#readings.size >= MAX_READINGS) this.#readings.clear();
    const reading = this.#read(scope.em.fork(), key, ownerId, position);
    this.#readings.set(name, { round, at: performance.now(), reading });
    const forget = () => this.#readings.delete(name);
    reading.catch(forget);
    return reading;
  }

  async #read(
    em: EntityManager,
    key: PositionKey,
    ownerId: string | undefined,
    position: number,
  ): Promise<Reading<Row, Kind>> {
    const { noun } = this.#followed;
    const { changes, head, forgotten } = await changesAfter(em, { noun, ownerId }, position, READ_AT_ONCE);
    const rows = await this.#rowsOf(changes, ownerId);
    const events = changes.map((change) => ({
      kind: change.kind as Kind,
      change,
      row: rows.get(change.resourceId),
      resumeToken: this.#token(key, change.position),
    }));
    const end = Math.max(changes.at(-1)?.position ?? position, head);
    const resumeToken = this.#token(key, end);
    return { events, head, forgotten, caughtUp: { kind: "caught_up", change: undefined, row: undefined, resumeToken } };
  }

  #token(key: PositionKey, position: number): string {
    return signPosition(this.#deps.vault, "resume-token", key, [String(position)]);
  }

  #positionIn(key: PositionKey, token: string): number | undefined {
    if (token === "") return undefined;
    const position = readPosition(this.#deps.vault, "resume-token", key, token);
    if (position) return Number(position[0]);
    throw new Fault("RESUME_TOKEN_INVALID", "resume_token is not that of an event of a watch of the same things", {
      fields: [{ field: "resume_token", description: "must be the resume_token of an event of the same watch" }],
    });
  }

  /** The ids of what has changed and the caller may use; undefined for all. */
  async #shownOf({ caller }: Scope, changes: readonly PlacedChange[]): Promise<ReadonlySet<string> | undefined> {
    if (!isModelLimited(caller)) return undefined;
    const known = await findNameables(
      this.#deps.rows,
      changes.map(({ resourceId }) => resourceId),
    );
    return new Set(known.flatMap((one) => (mayUse(caller, one) ? [one.id] : [])));
  }

  async #rowsOf(changes: readonly PlacedChange[], ownerId: string | undefined): Promise<Map<string, Readonly<Row>>> {
    if (changes.length === 0) return new Map();
    const ids = new Set(changes.map(({ resourceId }) => resourceId));
    const rows = await this.#followed.find(this.#deps.rows, [...ids], ownerId);
    return new Map(rows.map((row) => [row.id, row]));
  }
}

/** What those who watch Llms are told. */
export type LlmEvent = WatchEvent<Llm, LlmChangeKind>;

/** Follows the changes of Llms. */
export type LlmWatch = ResourceWatch<Llm, LlmChangeKind>;

export const LLMS: Followed<Llm> = { noun: LLM_NOUN, key: "llms", permission: "READ_LLM_OWN", find: findLlms };

/** Where changes are now: what was committed before has its place, and is not behind it. */
async function headOf(em: EntityManager, noun: string): Promise<number> {
  await placeChanges(em);
  return (await changesAfter(em, { noun, ownerId: undefined }, Number.MAX_SAFE_INTEGER, 1)).head;
}

function expired(): Fault {
  return new Fault(
    "RESUME_TOKEN_EXPIRED",
    "the changes behind this resume_token are no longer kept; watch without one, and list again",
  );
}
