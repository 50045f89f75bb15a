import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../resources/input.ts";
import type { Findings } from "../findings.ts";

/** An Llm of a group: its alias, and how much of the group's chats it takes. */
export interface Member {
  readonly alias: string;
  readonly weight: number | undefined;
}

/** A list of fallbacks, with where it is: LiteLLM takes them in two places. */
interface Fallback {
  readonly name: string;
  readonly targets: readonly { readonly name: string; readonly path: string }[];
}

const STRATEGIES: Readonly<Record<string, string>> = { "simple-shuffle": "WEIGHTED", "least-busy": "LEAST_BUSY" };

/** Names that stand for several Llms: groups of more than one, and those that have fallbacks. */
export function namesOfRoutes(config: JsonObject): ReadonlySet<string> {
  const models = (Array.isArray(config.model_list) ? config.model_list : []).filter(isObject);
  const names = models.map(({ model_name }) => String(model_name));
  const several = names.filter((name, index) => names.indexOf(name) < index);
  return new Set([...several, ...fallbacksOf(config).map(({ name }) => name)]);
}

function fallbacksOf(config: JsonObject): Fallback[] {
  return ["litellm_settings", "router_settings"].flatMap((section) => {
    const settings = config[section];
    const list = isObject(settings) && Array.isArray(settings.fallbacks) ? settings.fallbacks : [];
    return list.flatMap((entry, index) =>
      Object.entries(isObject(entry) ? entry : {}).map(([name, targets]) => ({
        name,
        targets: (Array.isArray(targets) ? targets : []).map((target, place) => ({
          name: String(target),
          path: `${section}.fallbacks[${index}].${name}[${place}]`,
        })),
      })),
    );
  });
}

/** The routes that groups, fallbacks and aliases of groups are, and what became of each of their fields. */
export function routesOf(
  config: JsonObject,
  groups: ReadonlyMap<string, readonly Member[]>,
  nameFor: (modelName: string) => string,
  findings: Findings,
): JsonObject[] {
  const router = isObject(config.router_settings) ? config.router_settings : {};
  const policy = readStrategy(router.routing_strategy, findings);
  const tierOf = (members: readonly Member[]): JsonObject => ({
    ...(policy === "LEAST_BUSY" ? { policy } : {}),
    targets: members.map(({ alias, weight }) => (weight === undefined ? { llmId: alias } : { llmId: alias, weight })),
  });
  const fallbacks = fallbacksOf(config);
  const tiersOf = (name: string): JsonObject[] => {
    const chain = fallbacks.filter((fallback) => fallback.name === name).flatMap(({ targets }) => targets);
    const tiers = [groups.get(name) ?? [], ...chain.map((target) => groups.get(target.name) ?? [])];
    const seen = new Set<string>();
    const fresh = tiers.map((members) => members.filter(({ alias }) => !seen.has(alias) && seen.add(alias)));
    return fresh.filter((members) => members.length > 0).map(tierOf);
  };
  const routes: JsonObject[] = [];
  for (const name of namesOfRoutes(config)) {
    const tiers = tiersOf(name);
    if (tiers.length > 0) routes.push({ name: nameFor(name), displayName: name, tiers });
  }
  for (const { name, targets } of fallbacks) {
    for (const target of targets) {
      const isThere = groups.has(target.name) && groups.has(name);
      if (isThere) findings.take(target.path, "taken as", `a tier of the route ${nameFor(name)}`);
      else
        findings.take(target.path, "not taken", `no model called ${groups.has(name) ? target.name : name} was taken`);
    }
  }
  routes.push(...aliasesOf(router.model_group_alias ?? null, groups, tiersOf, nameFor, findings));
  return routes;
}

function readStrategy(strategy: JsonValue | undefined, findings: Findings): string {
  if (strategy === undefined) return "WEIGHTED";
  const policy = STRATEGIES[String(strategy)];
  const path = "router_settings.routing_strategy";
  if (policy) findings.take(path, "taken as", `policy ${policy}`);
  else findings.take(path, "not taken", "a tier is chosen from by weight, or by who is least busy");
  return policy ?? "WEIGHTED";
}

/** Other names of a group: each is a route of its own. */
function aliasesOf(
  aliases: JsonValue,
  groups: ReadonlyMap<string, readonly Member[]>,
  tiersOf: (name: string) => JsonObject[],
  nameFor: (modelName: string) => string,
  findings: Findings,
): JsonObject[] {
  return Object.entries(isObject(aliases) ? aliases : {}).flatMap(([alias, target]) => {
    const path = `router_settings.model_group_alias.${alias}`;
    const name = String(isObject(target) ? target.model : target);
    if (!groups.has(name)) {
      findings.take(path, "not taken", `no model called ${name} was taken`);
      return [];
    }
    findings.take(path, "taken as", `the route ${nameFor(alias)}`);
    return [{ name: nameFor(alias), displayName: alias, tiers: tiersOf(name) }];
  });
}

/** The configuration without what became of routes, for the rest to be told of. */
export function withoutRoutes({
  router_settings: router,
  litellm_settings: settings,
  ...rest
}: JsonObject): JsonObject {
  const other: JsonObject = { ...rest };
  if (isObject(settings)) {
    const { fallbacks: _, ...left } = settings;
    if (Object.keys(left).length > 0) other.litellm_settings = left;
  }
  if (isObject(router)) {
    const { fallbacks: _, routing_strategy: __, model_group_alias: ___, ...left } = router;
    if (Object.keys(left).length > 0) other.router_settings = left;
  }
  return other;
}
