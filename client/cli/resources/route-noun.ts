import { RouteService } from "../../../gen/patchbay/v1/route_service_pb.ts";
import { text } from "../terminal/columns.ts";
import type { Noun } from "./nouns.ts";

/** `gpt=2,azure then local`: the tiers of a route, as one line. */
function tiersOf(tiers: unknown): string {
  const shown = (tiers as { targets: { llmId: string; weight?: number }[] }[] | undefined) ?? [];
  return shown
    .map(({ targets }) =>
      targets.map(({ llmId, weight = 1 }) => (weight === 1 ? llmId : `${llmId}=${weight}`)).join(","),
    )
    .join(" then ");
}

/** Names that stand for several Llms. */
export const routes: Noun = {
  plural: "routes",
  singular: "route",
  id: "routeId",
  namesLlms: true,
  namedBy: "name",
  argument: "route",
  about: "names that stand for several Llms: by weight, and the next when one fails",
  list: RouteService.method.listRoutes,
  items: "routes",
  get: RouteService.method.getRoute,
  create: RouteService.method.createRoute,
  update: RouteService.method.updateRoute,
  delete: RouteService.method.deleteRoute,
  watch: RouteService.method.watchRoutes,
  columns: [
    text("NAME", "name"),
    text("TITLE", "displayName"),
    { title: "LLMS", show: ({ tiers }) => tiersOf(tiers) },
    text("ID", "routeId"),
  ],
  editable: ["name", "displayName", "description", "tiers", "attemptTimeoutMs"],
  flags: [
    { name: "display-name", value: "text", field: "displayName", help: "what people call it" },
    {
      name: "tier",
      value: "llms",
      field: "tiers",
      help: "Llms that are as good as each other, such as gpt=2,azure; the next --tier is asked when all of these fail",
    },
    { name: "description", value: "text", field: "description", help: "what it is for" },
    {
      name: "attempt-timeout",
      value: "ms",
      field: "attemptTimeoutMs",
      help: "how long one Llm may take to its first piece, in milliseconds",
    },
    { name: "owner", value: "account", field: "ownerId", help: "the account that owns it" },
  ],
  filters: [
    { name: "llm", value: "llm", field: "llmId", help: "only those that lead to this Llm" },
    { name: "owner", value: "account", field: "ownerId", help: "the account that owns it" },
  ],
  examples: {
    list: ["patchbay routes list"],
    get: ["patchbay routes get team"],
    create: [
      "patchbay routes create fast --tier demo",
      "patchbay routes create safe --tier demo --attempt-timeout 5000",
    ],
    edit: ["patchbay routes edit team --description 'what the team calls'"],
    delete: ["patchbay routes delete team --yes"],
    watch: ["patchbay routes watch --for 1"],
  },
};
