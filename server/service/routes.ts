import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type RouteSchema,
  RouteTargetState_StandingSchema,
  type RouteTargetStateSchema,
  type RouteTier,
  RouteTier_PolicySchema,
} from "../../gen/patchbay/v1/route_pb.ts";
import {
  type CreateRouteRequest,
  type RouteService,
  type UpdateRouteRequest,
  WatchRoutesResponse_KindSchema,
  WatchRoutesResponseSchema,
} from "../../gen/patchbay/v1/route_service_pb.ts";
import { invalidField } from "../base/fault.ts";
import type { TargetState } from "../domain/routes/explain.ts";
import type { RouteCalls } from "../domain/routes/route-calls.ts";
import {
  etagOf,
  type RouteChange,
  type RouteDraft,
  type RouteEvent,
  type RouteWatch,
} from "../domain/routes/route-values.ts";
import type { Routes } from "../domain/routes/routes.ts";
import type { Route, StoredTier } from "../store/schema/route.entity.ts";
import { scopeOf } from "./call/context.ts";
import { nameOf, numberOf } from "./call/enums.ts";
import { eachOf, presentedOnce } from "./call/streams.ts";

interface Deps {
  readonly routes: Routes;
  readonly calls: RouteCalls;
  readonly routeWatch: RouteWatch;
}

/** The rpcs of RouteService: unpack, ask the domain, present. */
export function routeRpcs({ routes, calls, routeWatch }: Deps): ServiceImpl<typeof RouteService> {
  return {
    async createRoute(request, context) {
      return { route: presentRoute(await routes.create(scopeOf(context), readDraft(request))) };
    },

    async getRoute({ routeId }, context) {
      return { route: presentRoute(await routes.get(scopeOf(context), routeId)) };
    },

    async listRoutes({ ownerId, llmId, pageSize, pageToken }, context) {
      const filter = { ownerId: ownerId || undefined, llmId: llmId || undefined };
      const page = await routes.list(scopeOf(context), filter, pageSize, pageToken);
      return { routes: page.rows.map(presentRoute), nextPageToken: page.nextPageToken };
    },

    async updateRoute(request, context) {
      return { route: presentRoute(await routes.update(scopeOf(context), request.routeId, readChange(request))) };
    },

    async deleteRoute({ routeId, etag }, context) {
      await routes.delete(scopeOf(context), routeId, etag);
      return {};
    },

    async explainRoute({ routeId }, context) {
      const scope = scopeOf(context);
      const { llmId = "", targets, retriesLeft } = await calls.explain(scope, await routes.get(scope, routeId));
      return { llmId, targets: targets.map(presentState), retriesLeft };
    },

    watchRoutes({ ownerId, resumeToken }, context) {
      return eachOf(routeWatch.watch(scopeOf(context), ownerId || undefined, resumeToken), presentOnce);
    },
  };
}

function readDraft(request: CreateRouteRequest): RouteDraft {
  const { ownerId, name, displayName, description, tiers, attemptTimeoutMs, takeAlias: takesAlias } = request;
  return { ownerId, name, displayName, description, tiers: tiers.map(readTier), attemptTimeoutMs, takesAlias };
}

function readTier({ targets, policy }: RouteTier): StoredTier {
  return {
    policy: nameOf<StoredTier["policy"]>(RouteTier_PolicySchema, policy) ?? "WEIGHTED",
    targets: targets.map(({ llmId, weight }) => ({ llmId, weight: weight ?? 1 })),
  };
}

/** The fields of UpdateRouteRequest that an update_mask can name. */
const CHANGES = ["name", "display_name", "description", "tiers", "attempt_timeout_ms"] as const;
type Change = (typeof CHANGES)[number];

/** Without a value they are none. */
const REQUIRED: readonly Change[] = ["name", "tiers"];

/** A change: the fields that the mask names, or else those that are set. */
function readChange(request: UpdateRouteRequest): RouteChange {
  const masked = readMask(request.updateMask);
  const pick = <Value>(field: Change, value: Value | undefined, cleared?: Value): Value | undefined => {
    if (masked && !masked.has(field)) return undefined;
    if (value !== undefined || !masked) return value;
    if (!REQUIRED.includes(field)) return cleared;
    throw invalidField(field, "is in update_mask and has no value; it cannot be cleared");
  };
  const tiers = request.tiers.length > 0 ? request.tiers.map(readTier) : undefined;
  return {
    etag: request.etag,
    name: pick("name", request.name),
    displayName: pick("display_name", request.displayName, ""),
    description: pick("description", request.description, ""),
    tiers: pick("tiers", tiers),
    attemptTimeoutMs: pick("attempt_timeout_ms", request.attemptTimeoutMs, 0),
  };
}

/** Undefined without a mask; `*` is all of them. */
function readMask(mask: FieldMask | undefined): ReadonlySet<string> | undefined {
  if (!mask || mask.paths.length === 0) return undefined;
  const unknown = mask.paths.find((path) => path !== "*" && !(CHANGES as readonly string[]).includes(path));
  if (unknown === undefined) return new Set(mask.paths.includes("*") ? CHANGES : mask.paths);
  throw invalidField("update_mask", `"${unknown}" is not a field that can be changed; those are ${CHANGES.join(", ")}`);
}

/** A route as callers see it. */
export function presentRoute(route: Readonly<Route>): MessageInitShape<typeof RouteSchema> {
  return {
    routeId: route.id,
    name: route.name,
    displayName: route.displayName,
    description: route.description,
    tiers: route.tiers.map(({ policy, targets }) => ({
      policy: numberOf(RouteTier_PolicySchema, policy),
      targets: targets.map(({ llmId, weight }) => ({ llmId, weight })),
    })),
    attemptTimeoutMs: route.attemptTimeoutMs,
    ownerId: route.owner,
    createdAt: BigInt(route.createdAt.getTime()),
    updatedAt: BigInt(route.updatedAt.getTime()),
    createdById: route.createdBy,
    updatedById: route.updatedBy,
    etag: etagOf(route),
  };
}

function presentState(state: TargetState): MessageInitShape<typeof RouteTargetStateSchema> {
  const { retryAt, running, standing, ...same } = state;
  return {
    ...same,
    standing: numberOf(RouteTargetState_StandingSchema, standing),
    callsUnderWay: running,
    ...(retryAt === undefined ? {} : { retryAt: BigInt(Math.ceil(retryAt)) }),
  };
}

const presentOnce = presentedOnce(WatchRoutesResponseSchema, presentEvent);

function presentEvent({ kind, change, row, resumeToken }: RouteEvent) {
  return {
    kind: numberOf(WatchRoutesResponse_KindSchema, kind.toUpperCase()),
    ...(change
      ? { routeId: change.resourceId, ownerId: change.ownerId, happenedAt: BigInt(change.happenedAt.getTime()) }
      : {}),
    ...(row ? { route: presentRoute(row) } : {}),
    resumeToken,
  };
}
