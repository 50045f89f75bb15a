import { Fault } from "../../base/fault.ts";
import { changesAfter, type PlacedChange, placeChanges } from "../../store/queries/changes.ts";
import { findLlms } from "../../store/queries/llms.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { RowReader } from "../../store/sql/rows.ts";
import type { EntityManager } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { ApiKeys } from "../access/api-keys.ts";
import { type PositionKey, readPosition, signPosition } from "../call/paging.ts";
import { reach, requireReach, type Scope } from "../call/scope.ts";
import type { ChangeFeed } from "./change-feed.ts";
import { LLM_NOUN, type LlmChangeKind } from "./values.ts";

const READ_AT_ONCE = 50;
/** After so much quiet a watch gets a newer position, and its connection a sign of life. */
const SIGN_OF_LIFE_MS = 30_000;

/** What those who watch Llms are told. */
export interface LlmEvent {
  readonly kind: LlmChangeKind | "caught_up";
  /** Undefined when nothing happened. */
  readonly change: PlacedChange | undefined;
  /** As it was after the change, or later; undefined if it was deleted by then. */
  readonly llm: Readonly<Llm> | undefined;
  readonly resumeToken: string;
}

interface Deps {
  readonly rows: RowReader;
  readonly vault: Vault;
  readonly feed: ChangeFeed;
  readonly keys: ApiKeys;
}

/** Follows the changes of Llms. */
export class LlmWatch {
  readonly #rows: RowReader;
  readonly #vault: Vault;
  readonly #feed: ChangeFeed;
  readonly #keys: ApiKeys;

  constructor({ rows, vault, feed, keys }: Deps) {
    this.#rows = rows;
    this.#vault = vault;
    this.#feed = feed;
    this.#keys = keys;
  }

  /** Between two events it holds a position and nothing else: no connection, no row, no queue. */
  async *watch(scope: Scope, asked: string | undefined, resumeToken: string): AsyncGenerator<LlmEvent> {
    if (asked !== undefined) requireReach(scope, asked, "READ_LLM_OWN");
    const ownerId = asked ?? reach(scope, "READ_LLM_OWN");
    const key = ["llms", ownerId];
    const subscription = this.#feed.subscribe(ownerId);
    try {
      const now = await headOf(scope.em.fork());
      let position = this.#read(key, resumeToken) ?? now;
      for (let owesSign = true; ; ) {
        const em = scope.em.fork();
        const { changes, head, forgotten } = await changesAfter(
          em,
          { noun: LLM_NOUN, ownerId },
          position,
          READ_AT_ONCE,
        );
        // Beyond the head is what was read before the database went back to a backup.
        if (position < forgotten || position > head) throw expired();
        const llms = await llmsOf(this.#rows, changes, ownerId);
        for (const change of changes) {
          position = change.position;
          const kind = change.kind as LlmChangeKind;
          yield { kind, change, llm: llms.get(change.resourceId), resumeToken: this.#token(key, position) };
        }
        if (changes.length === READ_AT_ONCE) continue;
        position = Math.max(position, head);
        if (owesSign) {
          yield { kind: "caught_up", change: undefined, llm: undefined, resumeToken: this.#token(key, position) };
        }
        owesSign = !(await subscription.wait(SIGN_OF_LIFE_MS, scope.signal));
        await this.#keys.requireUnchanged(scope.caller);
      }
    } finally {
      subscription.close();
    }
  }

  #token(key: PositionKey, position: number): string {
    return signPosition(this.#vault, "resume-token", key, [String(position)]);
  }

  #read(key: PositionKey, token: string): number | undefined {
    if (token === "") return undefined;
    const position = readPosition(this.#vault, "resume-token", key, token);
    if (position) return Number(position[0]);
    throw new Fault("RESUME_TOKEN_INVALID", "resume_token is not that of an event of a watch of the same Llms", {
      fields: [{ field: "resume_token", description: "must be the resume_token of an event of the same watch" }],
    });
  }
}

/** Where changes are now: what was committed before has its place, and is not behind it. */
async function headOf(em: EntityManager): Promise<number> {
  await placeChanges(em);
  return (await changesAfter(em, { noun: LLM_NOUN, ownerId: undefined }, Number.MAX_SAFE_INTEGER, 1)).head;
}

async function llmsOf(
  rows: RowReader,
  changes: readonly PlacedChange[],
  ownerId: string | undefined,
): Promise<ReadonlyMap<string, Readonly<Llm>>> {
  if (changes.length === 0) return new Map();
  const ids = new Set(changes.map(({ resourceId }) => resourceId));
  return new Map((await findLlms(rows, [...ids], ownerId)).map((llm) => [llm.id, llm]));
}

function expired(): Fault {
  return new Fault(
    "RESUME_TOKEN_EXPIRED",
    "the changes behind this resume_token are no longer kept; watch without one, and list again",
  );
}
