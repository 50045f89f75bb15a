/** Names that stand for several Llms. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { useInfiniteQuery, useMutation, useQuery } from "@connectrpc/connect-query";
import { type Route, RouteTargetState_Standing, RouteTier_Policy } from "../../../gen/patchbay/v1/route_pb.ts";
import {
  type CreateRouteRequestSchema,
  WatchRoutesResponse_Kind as Kind,
  RouteService,
} from "../../../gen/patchbay/v1/route_service_pb.ts";
import { isWhole } from "../browser/format.ts";
import { nextPage, refresh } from "../calls/query.ts";
import { transport } from "../calls/transport.ts";
import { useWatch } from "./watch.ts";

export type { Route };
export { RouteTargetState_Standing as Standing, RouteTier_Policy as Policy };

export const routeMethods = RouteService.method;
const client = createClient(RouteService, transport);

/** All routes, or only those that lead to an Llm. */
export const useRoutes = (llmId = "", isEnabled = true) =>
  useInfiniteQuery(
    RouteService.method.listRoutes,
    { llmId, pageSize: 100, pageToken: "" },
    {
      pageParamKey: "pageToken",
      getNextPageParam: nextPage,
      enabled: isEnabled,
      placeholderData: (before) => before,
    },
  );

export const useRoute = (routeId: string) =>
  useQuery(RouteService.method.getRoute, { routeId }, { enabled: routeId !== "", select: (it) => it.route });

/** Where a chat would go: asked anew by each who looks, as it is true for a moment. */
export const useExplanation = (routeId: string) =>
  useQuery(RouteService.method.explainRoute, { routeId }, { staleTime: 0 });

const refreshRoutes = () => refresh(RouteService);

/** Has routes asked again whenever one of them changes, whoever changes it. */
export function useRouteWatch(): void {
  useWatch({
    open: (resumeToken, signal) => client.watchRoutes({ resumeToken }, { signal }),
    refresh: refreshRoutes,
    onEvent: ({ kind }) => {
      if (kind !== Kind.CAUGHT_UP) refreshRoutes();
    },
  });
}

export const useCreateRoute = () => useMutation(RouteService.method.createRoute, { onSuccess: refreshRoutes });
export const useUpdateRoute = () => useMutation(RouteService.method.updateRoute, { onSuccess: refreshRoutes });
export const useDeleteRoute = () => useMutation(RouteService.method.deleteRoute, { onSuccess: refreshRoutes });

/** A route as it is typed. */
export interface RouteDraft {
  readonly name: string;
  readonly displayName: string;
  readonly description: string;
  readonly attemptTimeoutMs: string;
  readonly tiers: readonly TierDraft[];
}

export interface TierDraft {
  readonly policy: RouteTier_Policy;
  readonly targets: readonly { readonly llmId: string; readonly weight: string }[];
}

export const NEW_TARGET = { llmId: "", weight: "1" };
export const NEW_TIER: TierDraft = { policy: RouteTier_Policy.WEIGHTED, targets: [NEW_TARGET] };

export function draftOf(route: Route | undefined): RouteDraft {
  if (!route) return { name: "", displayName: "", description: "", attemptTimeoutMs: "", tiers: [NEW_TIER] };
  return {
    name: route.name,
    displayName: route.displayName,
    description: route.description,
    attemptTimeoutMs: route.attemptTimeoutMs === 0 ? "" : String(route.attemptTimeoutMs),
    tiers: route.tiers.map(({ policy, targets }) => ({
      policy,
      targets: targets.map(({ llmId, weight }) => ({ llmId, weight: String(weight ?? 1) })),
    })),
  };
}

export type RouteFields = Exclude<MessageInitShape<typeof CreateRouteRequestSchema>, { $typeName: string }>;

/** What is typed, as the requests take it; whether it will do is for the server to say. */
export function fieldsOf({ name, displayName, description, attemptTimeoutMs, tiers }: RouteDraft): RouteFields {
  return {
    name,
    displayName,
    description,
    attemptTimeoutMs: Number(attemptTimeoutMs),
    tiers: tiers.map(({ policy, targets }) => ({
      policy,
      targets: targets.map(({ llmId, weight }) => ({ llmId, ...(weight !== "" && { weight: Number(weight) }) })),
    })),
  };
}

/** Whether a server could say more of it than that something is missing. */
export function isAskable({ name, attemptTimeoutMs, tiers }: RouteDraft): boolean {
  const targets = tiers.flatMap(({ targets }) => targets);
  return name !== "" && isWhole(attemptTimeoutMs) && targets.every(({ llmId, weight }) => llmId && isWhole(weight));
}
