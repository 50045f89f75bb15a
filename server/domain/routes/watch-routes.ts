import { findRoutes } from "../../store/queries/routes/routes.ts";
import type { Route } from "../../store/schema/route.entity.ts";
import type { Followed, ResourceWatch, WatchEvent } from "../llms/watch-llms.ts";
import { ROUTE_NOUN, type RouteChangeKind } from "./route-values.ts";

/** What those who watch routes are told. */
export type RouteEvent = WatchEvent<Route, RouteChangeKind>;

/** Follows the changes of routes. */
export type RouteWatch = ResourceWatch<Route, RouteChangeKind>;

export const ROUTES: Followed<Route> = {
  noun: ROUTE_NOUN,
  key: "routes",
  permission: "READ_ROUTE_OWN",
  find: findRoutes,
};
