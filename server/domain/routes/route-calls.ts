import { LRUCache } from "lru-cache";
import type { RowCache } from "../../store/cache/row-cache.ts";
import { findRoute } from "../../store/queries/routes/routes.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { Route } from "../../store/schema/route.entity.ts";
import type { Store } from "../../store/store.ts";
import { mayUse } from "../call/holder-limits.ts";
import { reach, type Scope } from "../call/scope.ts";
import type { LlmTargets } from "../llms/targets.ts";
import { type BudgetObstacle, type Explanation, explainRoute } from "./explain.ts";
import { RetryBudget } from "./retry-budget.ts";
import { type RoutePlan, RouteRun } from "./route-run.ts";
import type { Wellness } from "./wellness.ts";

/** What budgets say of Llms. */
interface BudgetRules {
  /** Why the budgets of the caller and of the Llm's owner take no chat; undefined if they do. */
  obstacleOf(scope: Scope, llm: Readonly<Llm>): Promise<BudgetObstacle | undefined>;
}

/** How many routes are held in memory. */
const MAX_HELD = 10_000;

interface Deps {
  readonly store: Store;
  readonly targets: LlmTargets;
  readonly wellness: Wellness;
  readonly budgets: BudgetRules;
  /** From 0 to 1; undefined: by chance. */
  readonly random?: () => number;
}

/** Calls that name a route: which Llm serves each, and the next one when it fails. */
export class RouteCalls {
  readonly #deps: Deps;
  readonly #held: RowCache<Readonly<Route>>;
  readonly #budgets = new LRUCache<string, RetryBudget>({ max: MAX_HELD });

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#held = deps.store.cache("route", { max: MAX_HELD });
  }

  /** Whether an id is that of an Llm without asking anybody: a call that names one waits for nothing. */
  isLlm(id: string): boolean {
    return this.#deps.targets.isHeld(id);
  }

  /** The route with an id, if the caller may use it; undefined if there is none: it may be an Llm. */
  async find(scope: Scope, id: string): Promise<Readonly<Route> | undefined> {
    if (id === "" || this.isLlm(id)) return undefined;
    const route = await this.#held.get(id, () => findRoute(this.#deps.store.rows, id, undefined));
    const reachable = reach(scope, "USE_LLM_OWN");
    if (!route || (reachable !== undefined && reachable !== route.owner)) return undefined;
    return mayUse(scope.caller, { id, alias: route.name, owner: route.owner }) ? route : undefined;
  }

  /** Begins a call. */
  begin(scope: Scope, plan: RoutePlan): RouteRun {
    const budget = this.budgetOf(plan.route.id);
    budget.earn();
    const { targets, wellness, random = Math.random } = this.#deps;
    return new RouteRun({ targets, wellness, budget, random }, scope, plan);
  }

  /** Where a chat would go now. */
  async explain(scope: Scope, route: Readonly<Route>): Promise<Explanation & { readonly retriesLeft: number }> {
    const { store, wellness, budgets, random } = this.#deps;
    const retriesLeft = this.budgetOf(route.id).left;
    const budgetObstacleOf = (llm: Readonly<Llm>) => budgets.obstacleOf(scope, llm);
    const deps = { rows: store.rows, wellness, budgetObstacleOf, ...(random && { random }) };
    return { ...(await explainRoute(deps, route)), retriesLeft };
  }

  /** What is left for calls whose first Llm fails, on this server. */
  budgetOf(routeId: string): RetryBudget {
    const known = this.#budgets.get(routeId);
    if (known) return known;
    const budget = new RetryBudget();
    this.#budgets.set(routeId, budget);
    return budget;
  }
}
