/** Names that stand for several Llms. */
import { useInfiniteQuery, useMutation, useQuery } from "@connectrpc/connect-query";
import {
  type Route,
  RouteTargetState_Standing,
  type RouteTier,
  RouteTier_Policy,
} from "../../../gen/patchbay/v1/route_pb.ts";
import { RouteService } from "../../../gen/patchbay/v1/route_service_pb.ts";
import { nextPage, refresh } from "../calls/query.ts";

export type { Route, RouteTier };
export { RouteTargetState_Standing as Standing, RouteTier_Policy as Policy };

export const routeMethods = RouteService.method;

export const useRoutes = () =>
  useInfiniteQuery(
    RouteService.method.listRoutes,
    { pageSize: 100, pageToken: "" },
    { pageParamKey: "pageToken", getNextPageParam: nextPage },
  );

export const useRoute = (routeId: string) =>
  useQuery(RouteService.method.getRoute, { routeId }, { enabled: routeId !== "", select: (it) => it.route });

/** Where a chat would go: asked anew by each who looks, as it is true for a moment. */
export const useExplanation = (routeId: string) =>
  useQuery(RouteService.method.explainRoute, { routeId }, { staleTime: 0 });

const refreshRoutes = () => refresh(RouteService);
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

/** What is typed, as the requests take it; whether it will do is for the server to say. */
export function fieldsOf({ name, displayName, description, attemptTimeoutMs, tiers }: RouteDraft) {
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
