/** Cases about templates and about the paths they match. */
import { type PathTemplate, parsePathTemplate } from "../../server/wire/rest/path.ts";
import { splitQuery } from "../../server/wire/rest/query.ts";
import { DuplicateRoute, RouteTable } from "../../server/wire/rest/route-table.ts";
import { attempt, compare, type Verdict } from "./verdict.ts";

/** What http.proto asks for, where it is not what the case's source expects. */
type Spec<T> = "agrees" | T;

interface ExpectedTemplate {
  readonly valid: boolean;
  readonly segments?: readonly string[];
  readonly verb?: string;
  readonly variables?: readonly { readonly field_path: string; readonly start: number; readonly end: number }[];
  readonly field_paths?: readonly string[];
}

/** A template and what a parser makes of it. */
export interface TemplateCase {
  readonly template: string;
  readonly expect: ExpectedTemplate;
  readonly spec: Spec<ExpectedTemplate>;
}

/** Runs a case of `template_parse`. */
export function checkTemplate(given: TemplateCase): Verdict {
  const { valid, segments, verb, variables, field_paths } = given.spec === "agrees" ? given.expect : given.spec;
  const template = attempt(() => parsePathTemplate(given.template));
  if (!valid || template instanceof Error) return compare(given.template, valid, !(template instanceof Error));
  const expected = {
    segments,
    verb,
    variables: variables?.map(({ field_path, start, end }) => ({ fieldPath: field_path, start, end })),
    fieldPaths: field_paths,
  };
  return compare(given.template, expected, {
    segments: segments && template.segments,
    verb: verb === undefined ? undefined : template.verb,
    variables: variables && template.variables,
    fieldPaths: field_paths && template.variables.map(({ fieldPath }) => fieldPath),
  });
}

interface RouteShape {
  readonly method: string;
  readonly template: string;
}

interface ExpectedMatch {
  readonly match?: boolean;
  readonly template?: string;
  readonly bindings?: Readonly<Record<string, string>>;
  readonly registration_error?: string;
}

/** Routes, a path, and the route and the values that it comes to. */
export interface PathCase {
  readonly routes?: readonly RouteShape[];
  readonly routes_ref?: string;
  readonly method: string;
  readonly url?: string;
  readonly url_expr?: string;
  readonly template: string | null;
  readonly expect: ExpectedMatch;
  readonly spec: Spec<ExpectedMatch>;
  /** The peer reads a plus in a query as a space. */
  readonly query_unescape_plus?: boolean;
  /** Keys that the peer takes out of a query. */
  readonly system_params?: readonly string[];
}

/** Runs a case of `path_match`. Routes whose template the grammar forbids are left out, as the file says. */
export function checkPath(given: PathCase, routeSets: Readonly<Record<string, readonly RouteShape[]>>): Verdict {
  const wanted: ExpectedMatch =
    given.spec === "agrees" ? { template: given.template ?? "", ...given.expect } : given.spec;
  const routes = given.routes ?? routeSets[given.routes_ref ?? ""] ?? [];
  const table = attempt(() => tableOf(routes));
  const input = { ...given, routes: routes.map(({ method, template }) => `${method} ${template}`) };
  if (wanted.registration_error !== undefined) return compare(input, true, table instanceof DuplicateRoute);
  if (table instanceof Error) return compare(input, "a table", table.message);

  const [path = "", query = ""] = (given.url ?? evaluate(given.url_expr ?? "")).split("?");
  const found = table.find(given.method, path);
  if (found instanceof Set) {
    // The path has other methods if it is found by one of them: 405, else 404.
    const isKnown = routes.some(({ method }) => "target" in table.find(method, path));
    return compare(input, { match: wanted.match, isKnown }, { match: false, isKnown: found.size > 0 });
  }
  const match = found as Exclude<typeof found, ReadonlySet<string>>;
  const values = valuesOf(match.target, match.variables, query, given.system_params ?? []);
  const got = { match: true, template: match.target.source, ...(wanted.bindings && { bindings: values }) };
  const plus = query.includes("+") && given.query_unescape_plus !== true;
  return plus ? checkPlus(input, wanted, got) : compare(input, { ...got, ...wanted }, got);
}

/** The bindings of a peer that leaves the plus as it is: all else has to agree. */
function checkPlus(input: unknown, wanted: ExpectedMatch, got: ExpectedMatch): Verdict {
  const spaced = (bindings: ExpectedMatch["bindings"] = {}) =>
    Object.fromEntries(Object.entries(bindings).map(([key, value]) => [key, value.replaceAll("+", " ")]));
  const reason = "a plus in a query is a space, as forms, URLSearchParams and most clients write it";
  const expected = { ...got, ...wanted, bindings: spaced(wanted.bindings) };
  return compare(input, expected, { ...got, bindings: spaced(got.bindings) }, [reason]);
}

function tableOf(routes: readonly RouteShape[]): RouteTable<PathTemplate> {
  const table = new RouteTable<PathTemplate>();
  for (const { method, template } of routes) {
    const parsed = attempt(() => parsePathTemplate(template));
    if (!(parsed instanceof Error)) table.add(method, parsed, parsed);
  }
  return table;
}

function valuesOf(
  template: PathTemplate,
  variables: readonly string[],
  query: string,
  systemKeys: readonly string[],
): Record<string, string> {
  const fromQuery = splitQuery(query).filter(([key]) => !systemKeys.includes(key));
  const fromPath = template.variables.map(({ fieldPath }, index) => [fieldPath, variables[index] ?? ""]);
  return Object.fromEntries([...fromQuery, ...fromPath]);
}

/** A URL as a sum of strings, some of them repeated: `"/a/" + "/".repeat(64000)`. */
function evaluate(expression: string): string {
  return [...expression.matchAll(/"([^"]*)"(?:\.repeat\((\d+)\))?/g)]
    .map(([, text = "", times = "1"]) => text.repeat(Number(times)))
    .join("");
}
