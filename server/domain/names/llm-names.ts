import { Fault } from "../../base/fault.ts";
import { nearestNames } from "../../base/names.ts";
import type { RowCache } from "../../store/cache/row-cache.ts";
import { findLlmsByModel, findNamed, listNamedLlms, type Named } from "../../store/queries/llm-names.ts";
import { listNamedRoutes } from "../../store/queries/routes/routes.ts";
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
  readonly #ids: RowCache<Named>;

  constructor({ store }: { store: Store }) {
    this.#store = store;
    this.#ids = store.cache("llm_name", { max: MAX_HELD, clearedBy: ["llm", "route", "alias"] });
  }

  /** The id of the Llm or the route that a name stands for; empty for the caller's default Llm. */
  async resolve(scope: Scope, name: string): Promise<string> {
    if (name === "" || name === "default") return "";
    if (UUID.test(name)) return name.toLowerCase();
    const { accountId } = scope.caller;
    const found = await this.#ids.get(`${accountId} ${name}`, () => this.#find(accountId, name));
    if (found) return found.id;
    throw await this.#unknown(accountId, name);
  }

  /** The id of what is named by its id, or by the name that it has in the namespace of an account: by nothing else. */
  async idOf(accountId: string, idOrName: string, kinds: readonly Named["kind"][]): Promise<string> {
    if (UUID.test(idOrName)) return idOrName.toLowerCase();
    const found = await this.#ids.get(`${accountId} alias ${idOrName}`, () =>
      findNamed(this.#store.rows, accountId, idOrName),
    );
    if (found && kinds.includes(found.kind)) return found.id;
    const shown = JSON.stringify(idOrName);
    if (!kinds.includes("llm")) throw new Fault("LLM_ROUTE_NOT_FOUND", `there is no route ${shown}`);
    if (found) throw new Fault("LLM_NOT_FOUND", `${shown} is a route and no Llm`, { metadata: { routeId: found.id } });
    throw await this.#unknown(accountId, idOrName);
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

  async #find(accountId: string, name: string): Promise<Named | undefined> {
    const named = await findNamed(this.#store.rows, accountId, name);
    if (named) return named;
    const found = await findLlmsByModel(this.#store.rows, accountId, name);
    if (found.length < 2) return found[0] && { id: found[0].id, kind: "llm" };
    const names = nameAll(found).map((one) => JSON.stringify(one.name));
    throw new Fault(
      "LLM_NOT_FOUND",
      `several Llms have the model ${JSON.stringify(name)}; name one of them by its alias or id: ${names.join(", ")}`,
    );
  }

  async #unknown(accountId: string, name: string): Promise<Fault> {
    const { rows } = this.#store;
    const llms = nameAll(await listNamedLlms(rows, accountId, MAX_LISTED));
    const known = [...llms, ...(await listNamedRoutes(rows, accountId, MAX_LISTED))].map((one) => one.name);
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
