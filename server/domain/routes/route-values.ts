import { Fault, invalidField } from "../../base/fault.ts";
import { appendAuditedChange } from "../../store/queries/changes.ts";
import { findRoutes } from "../../store/queries/routes/routes.ts";
import type { Route, StoredTier } from "../../store/schema/route.entity.ts";
import type { EntityManager } from "../../store/store.ts";
import { type Actor, type AuditEvent, recordOf } from "../call/audit-record.ts";
import type { Followed, ResourceWatch, WatchEvent } from "../llms/watch-llms.ts";

/** What routes are called where the changes of all nouns are. */
export const ROUTE_NOUN = "route";

/** What can happen to a route, in the words of `WatchRoutesResponse.Kind`. */
export type RouteChangeKind = "created" | "updated" | "deleted";

/** What those who watch routes are told. */
export type RouteEvent = WatchEvent<Route, RouteChangeKind>;

/** Follows the changes of routes. */
export type RouteWatch = ResourceWatch<Route, RouteChangeKind>;

/** What is followed of routes. */
export const ROUTES: Followed<Route> = {
  noun: ROUTE_NOUN,
  key: "routes",
  permission: "READ_ROUTE_OWN",
  find: findRoutes,
};

/** A route as a caller makes it. */
export interface RouteDraft {
  /** Empty: the caller's account. */
  readonly ownerId: string;
  readonly name: string;
  readonly displayName: string;
  readonly description: string;
  /** Its Llms may be named by their aliases. */
  readonly tiers: readonly StoredTier[];
  readonly attemptTimeoutMs: number;
  /** Whether it takes its name over from an Llm that has it as its alias. */
  readonly takesAlias: boolean;
}

/** What a caller says of a route: undefined stays as it is. */
export type RouteChange = {
  readonly [Field in Exclude<keyof RouteDraft, "ownerId" | "takesAlias">]: RouteDraft[Field] | undefined;
} & {
  /** Empty: whatever is there. */
  readonly etag: string;
};

/** Names the version of a route that a change was made from. */
export function etagOf(route: Readonly<Route>): string {
  return `r${route.revision}`;
}

/** Refuses a change that was made from another version. */
export function requireEtag(route: Readonly<Route>, etag: string): void {
  if (etag === "" || etag === etagOf(route)) return;
  const message = `route ${route.name} has changed since ${etag}; get it again and repeat the change`;
  throw new Fault("ETAG_MISMATCH", message, { metadata: { routeId: route.id, etag: etagOf(route) } });
}

/** Missing and not to be seen are the same. */
export function routeNotFound(routeId: string): Fault {
  return new Fault("LLM_ROUTE_NOT_FOUND", `there is no route ${routeId}`, { metadata: { routeId } });
}

/** The Llms of a route, tier by tier. */
export function llmIdsOf(tiers: readonly StoredTier[]): string[] {
  return tiers.flatMap(({ targets }) => targets.map(({ llmId }) => llmId));
}

/** Refuses an Llm that is named twice, and tiers that would take no chat. */
export function requireSound(tiers: readonly StoredTier[]): void {
  const seen = new Set<string>();
  for (const [tier, { targets }] of tiers.entries()) {
    for (const [place, { llmId }] of targets.entries()) {
      const field = `tiers[${tier}].targets[${place}].llm_id`;
      if (seen.has(llmId)) throw invalidField(field, `names llm ${llmId} again; a route names an Llm once`);
      seen.add(llmId);
    }
  }
  if (tiers.every(({ targets }) => targets.every(({ weight }) => weight === 0))) {
    throw invalidField("tiers", "at least one Llm must have a weight above 0");
  }
}

/** Tells those who watch, once the transaction commits, and writes down who did it. To be called last, as `recordAudit`. */
export async function recordRouteChange(
  actor: Actor,
  em: EntityManager,
  route: Readonly<Route>,
  event: Pick<AuditEvent, "action" | "facts"> & { readonly kind: RouteChangeKind },
): Promise<void> {
  const { id: resourceId, owner: ownerId } = route;
  const change = { noun: ROUTE_NOUN, resourceId, ownerId, kind: event.kind };
  await appendAuditedChange(em, change, recordOf(actor, { ...event, resourceId, ownerId }));
}
