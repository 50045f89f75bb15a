import { randomUUID } from "node:crypto";
import { Fault, invalidField } from "../../base/fault.ts";
import { findLlms } from "../../store/queries/llms.ts";
import { findRoute, listRoutes, lockRoute, type RouteFilter } from "../../store/queries/routes/routes.ts";
import { Route, type StoredTier } from "../../store/schema/route.entity.ts";
import { type Store, violates } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { allowedRows } from "../call/holder-limits.ts";
import { byCreation, type Page, readPage } from "../call/paging.ts";
import { reach, requireReach, type Scope } from "../call/scope.ts";
import { recordChange } from "../llms/values.ts";
import type { LlmNames } from "../names/llm-names.ts";
import { giveUpAlias, nameTaken } from "../names/taken.ts";
import {
  llmIdsOf,
  type RouteChange,
  type RouteDraft,
  recordRouteChange,
  requireEtag,
  requireSound,
  routeNotFound,
} from "./route-values.ts";

interface Deps {
  readonly store: Store;
  readonly vault: Vault;
  readonly names: LlmNames;
}

/** Names that stand for several Llms. */
export class Routes {
  readonly #store: Store;
  readonly #vault: Vault;
  readonly #names: LlmNames;

  constructor({ store, vault, names }: Deps) {
    this.#store = store;
    this.#vault = vault;
    this.#names = names;
  }

  /** The key of the namespace, not a prior read, decides whether the name is free. */
  async create(scope: Scope, draft: RouteDraft): Promise<Route> {
    const ownerId = draft.ownerId || scope.caller.accountId;
    requireReach(scope, ownerId, "CREATE_ROUTE_OWN");
    const tiers = await this.#settle(ownerId, draft.tiers);
    const now = new Date();
    try {
      return await scope.em.transactional(async (em) => {
        const given = draft.takesAlias ? await giveUpAlias(scope, em, ownerId, draft.name) : undefined;
        const route = em.create(Route, {
          id: randomUUID(),
          owner: ownerId,
          name: draft.name,
          displayName: draft.displayName || draft.name,
          description: draft.description,
          tiers,
          attemptTimeoutMs: draft.attemptTimeoutMs,
          createdAt: now,
          updatedAt: now,
          createdBy: scope.caller.accountId,
          updatedBy: scope.caller.accountId,
        });
        await em.persist(route).flush();
        const facts = { name: route.name };
        if (given) {
          await recordChange(scope, em, given, { kind: "updated", action: "llm.update", facts: { fields: "alias" } });
        }
        await recordRouteChange(scope, em, route, { kind: "created", action: "route.create", facts });
        return route;
      });
    } catch (error) {
      if (violates(error, "alias_pkey")) throw await nameTaken(scope, ownerId, draft.name, error, { canTake: true });
      if (violates(error, "route_owner_fkey")) throw invalidField("owner_id", "must be the id of an account");
      throw error;
    }
  }

  async get(scope: Scope, routeId: string): Promise<Readonly<Route>> {
    const route = await findRoute(this.#store.rows, routeId, reach(scope, "READ_ROUTE_OWN"));
    if (!route) throw routeNotFound(routeId);
    return route;
  }

  async list(scope: Scope, asked: RouteFilter, pageSize: number, pageToken: string): Promise<Page<Readonly<Route>>> {
    if (asked.ownerId !== undefined) requireReach(scope, asked.ownerId, "READ_ROUTE_OWN");
    const filter = { ...asked, ownerId: asked.ownerId ?? reach(scope, "READ_ROUTE_OWN") };
    const allowed = allowedRows(scope.caller);
    const key = ["routes", filter.ownerId, filter.llmId];
    const list = (after: readonly string[] | undefined, limit: number) =>
      listRoutes(this.#store.listRows, { ...filter, allowed }, after, limit);
    return readPage(this.#vault, { key, pageSize, pageToken }, list, byCreation);
  }

  /** One transaction over the locked row: of two changes at once, the second is made to what the first left. */
  async update(scope: Scope, routeId: string, change: RouteChange): Promise<Route> {
    const locked: { route?: Route } = {};
    try {
      return await scope.em.transactional(async (em) => {
        const route = await lockRoute(em, routeId, reach(scope, "UPDATE_ROUTE_OWN"));
        if (!route) throw routeNotFound(routeId);
        locked.route = route;
        requireEtag(route, change.etag);
        const { etag: _, tiers, ...plain } = change;
        const said = Object.entries({ ...plain, tiers }).filter(([, value]) => value !== undefined);
        Object.assign(route, Object.fromEntries(said));
        if (tiers) route.tiers = await this.#settle(route.owner, tiers);
        if (route.displayName === "") route.displayName = route.name;
        route.updatedAt = new Date();
        route.updatedBy = scope.caller.accountId;
        await em.flush();
        const facts = { name: route.name, fields: said.map(([name]) => name).join(",") };
        await recordRouteChange(scope, em, route, { kind: "updated", action: "route.update", facts });
        return route;
      });
    } catch (error) {
      const { route } = locked;
      if (route && violates(error, "alias_pkey")) throw await nameTaken(scope, route.owner, route.name, error);
      throw error;
    }
  }

  /** Its name goes with it, by the foreign key. */
  async delete(scope: Scope, routeId: string, etag: string): Promise<void> {
    await scope.em.transactional(async (em) => {
      const route = await lockRoute(em, routeId, reach(scope, "DELETE_ROUTE_OWN"));
      if (!route) throw routeNotFound(routeId);
      requireEtag(route, etag);
      await em.remove(route).flush();
      const facts = { name: route.name };
      await recordRouteChange(scope, em, route, { kind: "deleted", action: "route.delete", facts });
    });
  }

  /** The tiers by the ids of Llms, all of which there are and are the owner's. */
  async #settle(ownerId: string, tiers: readonly StoredTier[]): Promise<readonly StoredTier[]> {
    const settled = await Promise.all(
      tiers.map(async ({ policy, targets }) => ({
        policy,
        targets: await Promise.all(
          targets.map(async ({ llmId, weight }) => ({
            llmId: await this.#names.idOf(ownerId, llmId, ["llm"]),
            weight,
          })),
        ),
      })),
    );
    requireSound(settled);
    const ids = llmIdsOf(settled);
    const found = new Set((await findLlms(this.#store.rows, ids, ownerId)).map(({ id }) => id));
    const missing = ids.find((id) => !found.has(id));
    if (missing === undefined) return settled;
    throw new Fault("LLM_NOT_FOUND", `the owner of the route has no llm ${missing}`, { metadata: { llmId: missing } });
  }
}
