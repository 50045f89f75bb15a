import { Fault } from "../../base/fault.ts";
import { nearestNames } from "../../base/names.ts";
import type { RowCache } from "../../store/cache/row-cache.ts";
import { findLlmByAlias, findLlmsByName, listNamedLlms } from "../../store/queries/llm-names.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { Store } from "../../store/store.ts";
import type { Scope } from "../call/scope.ts";

/** How many names are held in memory. */
const MAX_HELD = 10_000;
/** How many Llms a list of names has. */
const MAX_LISTED = 1_000;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** An Llm, and the name by which its owner's programs call it. */
export interface NamedLlm {
  readonly name: string;
  readonly llm: Readonly<Llm>;
}

/** The names that programs call Llms by: an alias, an id, or the model's own name if only one Llm of the account has it. */
export class LlmNames {
  readonly #store: Store;
  readonly #ids: RowCache<{ readonly id: string }>;

  constructor({ store }: { store: Store }) {
    this.#store = store;
    this.#ids = store.cache("llm_name", { max: MAX_HELD, clearedBy: ["llm", "alias"] });
  }

  /** The id of the Llm that a name stands for; empty for the caller's default. */
  async resolve(scope: Scope, name: string): Promise<string> {
    if (name === "" || name === "default") return "";
    if (UUID.test(name)) return name.toLowerCase();
    const { accountId } = scope.caller;
    const found = await this.#ids.get(`${accountId} ${name}`, () => this.#find(accountId, name));
    if (found) return found.id;
    throw await this.#unknown(accountId, name);
  }

  /** The id of an Llm that is named by its id or its alias, as our own contract has it: by nothing else. */
  async idOf(scope: Scope, idOrAlias: string): Promise<string> {
    if (UUID.test(idOrAlias)) return idOrAlias.toLowerCase();
    const { accountId } = scope.caller;
    const found = await this.#ids.get(`${accountId} alias ${idOrAlias}`, () =>
      findLlmByAlias(this.#store.rows, accountId, idOrAlias),
    );
    if (found) return found.id;
    throw await this.#unknown(accountId, idOrAlias);
  }

  /** What the caller's own Llms are called; those that nothing but their id names, by that. */
  async list(scope: Scope): Promise<NamedLlm[]> {
    return nameAll(await listNamedLlms(this.#store.rows, scope.caller.accountId, MAX_LISTED));
  }

  /** One of them, by any of its names. */
  async get(scope: Scope, name: string): Promise<NamedLlm> {
    const { accountId } = scope.caller;
    const resolved = await this.resolve(scope, name);
    const id = resolved || (await this.#store.hot.defaultLlm(accountId))?.id;
    const llm = id && (await this.#store.hot.llm(id, accountId));
    if (llm) return { name, llm };
    throw await this.#unknown(accountId, name);
  }

  /** To be told when names may stand for something else. */
  forget(): void {
    this.#ids.clear();
  }

  async #find(accountId: string, name: string): Promise<{ readonly id: string } | undefined> {
    const found = await findLlmsByName(this.#store.rows, accountId, name);
    if (found.length < 2) return found[0];
    const names = nameAll(found).map((one) => JSON.stringify(one.name));
    throw new Fault(
      "LLM_NOT_FOUND",
      `several Llms have the model ${JSON.stringify(name)}; name one of them by its alias or id: ${names.join(", ")}`,
    );
  }

  async #unknown(accountId: string, name: string): Promise<Fault> {
    const known = nameAll(await listNamedLlms(this.#store.rows, accountId, MAX_LISTED)).map((one) => one.name);
    const near = nearestNames(name, known);
    const advice =
      near.length > 0
        ? `did you mean ${near.map((one) => JSON.stringify(one)).join(" or ")}?`
        : "GET /v1/models lists the names there are";
    return new Fault("LLM_NOT_FOUND", `no Llm goes by the name ${JSON.stringify(name.slice(0, 100))}; ${advice}`);
  }
}

/** By alias, else by the model's name if that is one's alone and no alias, else by id. */
function nameAll(llms: readonly Readonly<Llm>[]): NamedLlm[] {
  const count = new Map<string, number>();
  const note = (name: string) => count.set(name, (count.get(name) ?? 0) + 1);
  for (const { modelIdentifier, alias } of llms) {
    note(modelIdentifier);
    if (alias !== "" && alias !== modelIdentifier) note(alias);
  }
  return llms.map((llm) => {
    const isAlone = count.get(llm.modelIdentifier) === 1;
    return { llm, name: llm.alias || (isAlone ? llm.modelIdentifier : llm.id) };
  });
}
