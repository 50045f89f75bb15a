import { Fault } from "../../base/fault.ts";
import { nearestNames } from "../../base/names.ts";
import type { RowCache } from "../../store/cache/row-cache.ts";
import { findLlmsByModel, findNameables, findNamed, listNamedLlms, type Named } from "../../store/queries/llm-names.ts";
import { findRoute, listNamedRoutes } from "../../store/queries/routes/routes.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { Route } from "../../store/schema/route.entity.ts";
import type { Store } from "../../store/store.ts";
import { allowedRows, isModelLimited, mayUse, type Nameable } from "../call/holder-limits.ts";
import type { Caller, Scope } from "../call/scope.ts";
import { notAllowed } from "./not-allowed.ts";

/** How many names are held in memory. */
const MAX_HELD = 10_000;
/** So much of a name is repeated. */
const MAX_SHOWN = 100;
/** How many Llms a list of names has. */
const MAX_LISTED = 1_000;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** An Llm, and the name by which its owner's programs call it. */
export interface NamedLlm {
  readonly name: string;
  readonly llm: Readonly<Llm>;
}

/** A name that stands for several Llms. */
export interface NamedRoute {
  readonly name: string;
  readonly route: Readonly<Route>;
}

/** The names that programs call Llms by: an alias, an id, or the model's own name if only one Llm of the account has it. */
export class LlmNames {
  readonly #store: Store;
  readonly #ids: RowCache<Named>;
  /** What ids stand for, for those who may use some names only. */
  readonly #nameables: RowCache<Nameable>;

  constructor({ store }: { store: Store }) {
    this.#store = store;
    this.#ids = store.cache("llm_name", { max: MAX_HELD, clearedBy: ["llm", "route", "alias"] });
    this.#nameables = store.cache("nameable", { max: MAX_HELD, clearedBy: ["llm", "route", "alias"] });
  }

  /** The id of the Llm or the route that a name stands for; empty for the caller's default Llm. */
  async resolve(scope: Scope, name: string): Promise<string> {
    if (name === "" || name === "default") return "";
    const id = UUID.test(name) ? name.toLowerCase() : (await this.#named(scope.caller, name)).id;
    await this.requireAllowed(scope.caller, id, name);
    return id;
  }

  /** Refuses what a caller may not use; those who may use everything are not looked at. */
  async requireAllowed(caller: Caller, id: string, name: string, kind: "Llm" | "route" = "Llm"): Promise<void> {
    if (!(await this.isAllowed(caller, id))) throw await this.#notAllowed(caller, name, kind);
  }

  /** Whether a caller may use what has an id; those who may use everything are not looked at. */
  async isAllowed(caller: Caller, id: string): Promise<boolean> {
    if (!isModelLimited(caller)) return true;
    const known = await this.#nameables.get(id, async () => (await findNameables(this.#store.rows, [id]))[0]);
    return known !== undefined && mayUse(caller, known);
  }

  #notAllowed(caller: Caller, name: string, kind: "Llm" | "route" = "Llm"): Promise<Fault> {
    return notAllowed(this.#store.fork(), caller, { name, kind });
  }

  async #named(caller: Caller, name: string): Promise<Named> {
    const { accountId } = caller;
    const found = await this.#ids.get(`${accountId} ${name}`, () => this.#find(caller, name));
    if (found) return found;
    throw await (isModelLimited(caller) ? this.#notAllowed(caller, name) : this.#unknown(accountId, name));
  }

  /** What `idOf` gives, to a caller who may use it. */
  async idFor(caller: Caller, idOrName: string, kinds: readonly Named["kind"][]): Promise<string> {
    if (!isModelLimited(caller)) return this.idOf(caller.accountId, idOrName, kinds);
    const kind = kinds.includes("llm") ? "Llm" : "route";
    const id = await this.idOf(caller.accountId, idOrName, kinds).catch(async (error) => {
      throw error instanceof Fault ? await this.#notAllowed(caller, idOrName, kind) : error;
    });
    await this.requireAllowed(caller, id, idOrName, kind);
    return id;
  }

  /** The id of what is named by its id, or by the name that it has in the namespace of an account: by nothing else. */
  async idOf(accountId: string, idOrName: string, kinds: readonly Named["kind"][]): Promise<string> {
    if (UUID.test(idOrName)) return idOrName.toLowerCase();
    // Neither aliases nor names of routes have capitals.
    const alias = idOrName.toLowerCase();
    const found = await this.#ids.get(`${accountId} alias ${alias}`, () =>
      findNamed(this.#store.rows, accountId, alias),
    );
    if (found && kinds.includes(found.kind)) return found.id;
    if (!kinds.includes("llm")) throw await this.#unknownRoute(accountId, idOrName);
    if (found)
      throw new Fault("LLM_NOT_FOUND", `${shown(idOrName)} is a route and no Llm`, { metadata: { routeId: found.id } });
    throw await this.#unknown(accountId, idOrName);
  }

  /** What the caller's own Llms are called, those that nothing but their id names, by that; and their routes. */
  async list(scope: Scope): Promise<(NamedLlm | NamedRoute)[]> {
    const { caller } = scope;
    const { rows } = this.#store;
    const [llms, routes] = await Promise.all([
      listNamedLlms(rows, caller.accountId, MAX_LISTED, allowedRows(caller)),
      listNamedRoutes(rows, caller.accountId, MAX_LISTED, allowedRows(caller)),
    ]);
    return [...nameAll(llms), ...routes.map((route) => ({ name: route.name, route }))];
  }

  /** One of them, by any of its names. */
  async get(scope: Scope, name: string): Promise<NamedLlm | NamedRoute> {
    const { accountId } = scope.caller;
    const resolved = await this.resolve(scope, name);
    const id = resolved || (await this.#store.hot.defaultLlm(accountId))?.id;
    const llm = id && (await this.#store.hot.llm(id, accountId));
    if (llm) await this.requireAllowed(scope.caller, llm.id, name);
    if (llm) return { name, llm };
    const route = id && (await findRoute(this.#store.rows, id, accountId));
    if (route) return { name, route };
    throw await (isModelLimited(scope.caller) ? this.#notAllowed(scope.caller, name) : this.#unknown(accountId, name));
  }

  /** To be called when something is committed that may have changed what names stand for. */
  forget(): void {
    this.#ids.clear();
    this.#nameables.clear();
  }

  async #find(caller: Caller, name: string): Promise<Named | undefined> {
    const { accountId } = caller;
    // PostgreSQL takes no such text: nothing goes by it.
    if (name.includes("\0")) return undefined;
    const named = await findNamed(this.#store.rows, accountId, name);
    if (named) return named;
    const found = await findLlmsByModel(this.#store.rows, accountId, name);
    // One that a caller may not use is none to them, and says nothing of itself.
    if (found.length > 1 && isModelLimited(caller)) throw await this.#notAllowed(caller, name);
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
    const advice = known.length > 0 ? adviceFor(name, known, "GET /v1/models") : "there is none yet: POST /v1/llms";
    return new Fault("LLM_NOT_FOUND", `no Llm goes by the name ${shown(name)}; ${advice}`);
  }

  async #unknownRoute(accountId: string, name: string): Promise<Fault> {
    const known = (await listNamedRoutes(this.#store.rows, accountId, MAX_LISTED)).map((route) => route.name);
    return new Fault(
      "LLM_ROUTE_NOT_FOUND",
      `there is no route ${shown(name)}; ${adviceFor(name, known, "GET /v1/routes")}`,
    );
  }
}

/** The refusal of a call that names no Llm, of an account that has no default one. */
export function defaultNotSet(): Fault {
  return new Fault(
    "DEFAULT_LLM_NOT_SET",
    "no Llm was named and the account has no default one: name one of those that GET /v1/models lists, or set it once " +
      "with POST /v1/llms/NAME:setDefault",
  );
}

function adviceFor(name: string, known: readonly string[], list: string): string {
  const near = nearestNames(name, known);
  if (name === "default") return "chats that name none take the default one: POST /v1/llms:chat";
  if (near.length === 0) return `${list} lists the names there are`;
  return `did you mean ${near.map((one) => JSON.stringify(one)).join(" or ")}?`;
}

/** What a caller wrote, as it is repeated. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, MAX_SHOWN));
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
