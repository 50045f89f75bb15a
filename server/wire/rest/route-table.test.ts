import { performance } from "node:perf_hooks";
import { describe, expect, it } from "vitest";
import { parsePathTemplate } from "./path.ts";
import { RouteTable } from "./route-table.ts";

function tableOf(...routes: string[]): RouteTable<string> {
  const table = new RouteTable<string>();
  for (const route of routes) {
    const [method = "", template = ""] = route.split(" ");
    table.add(method, parsePathTemplate(template), template);
  }
  return table;
}

describe("RouteTable, the order of routes", () => {
  const table = tableOf(
    "GET /**",
    "GET /v1/**",
    "GET /v1/{a}",
    "GET /v1/{a}/x",
    "GET /v1/me",
    "POST /v1/{a}",
    "GET /v1/{a}:go",
    "GET /v1/{a}:go:far",
    "POST /v1/me:go",
    "GET /a/{x}/c/d",
    "GET /a/b/{y}/e",
    "* /any/{a}",
    "GET /any/{a}",
  );

  it.each([
    ["GET", "/v1/me", "/v1/me", []],
    ["GET", "/v1/you", "/v1/{a}", ["you"]],
    ["GET", "/v1/you/y", "/v1/**", []],
    ["GET", "/v2", "/**", []],
    ["GET", "/", "/**", []],
    ["GET", "/v1", "/v1/**", []],
    ["POST", "/v1/me", "/v1/{a}", ["me"]],
    ["GET", "/v1/me:go", "/v1/{a}:go", ["me"]],
    ["GET", "/v1/me:go:far", "/v1/{a}:go:far", ["me"]],
    ["GET", "/v1/a:b:go", "/v1/{a}:go", ["a:b"]],
    ["GET", "/v1/a:stop", "/v1/{a}", ["a:stop"]],
    ["GET", "/v1/a:go:", "/v1/{a}", ["a:go:"]],
    ["GET", "/v1/a%3Ago", "/v1/{a}", ["a:go"]],
    ["GET", "/v1/a:go/x", "/v1/{a}/x", ["a:go"]],
    ["GET", "/a/b/c/d", "/a/{x}/c/d", ["b"]],
    ["GET", "/a/b/c/e", "/a/b/{y}/e", ["c"]],
    ["PURGE", "/any/1", "/any/{a}", ["1"]],
  ])("%s %s goes to %s", (method, path, target, variables) => {
    expect(table.find(method, path)).toEqual({ target, variables });
  });

  it.each([
    ["PUT", "/v1/me", ["GET", "POST"]],
    ["PUT", "/v1/me:go", ["GET", "POST"]],
    ["PUT", "/v2", ["GET"]],
  ])("%s %s has other methods: %j", (method, path, methods) => {
    expect([...(table.find(method, path) as Set<string>)].sort()).toEqual(methods);
  });
});

describe("RouteTable, the raw path", () => {
  const table = tableOf("GET /v1/llms/{id}", "GET /v1/{name=a/**}", "GET /v1/{name=b/*}", "GET /x%2Fy");

  it.each([
    ["decodes a single segment whole", "/v1/llms/a%2Fb%20%25", ["a/b %"]],
    ["does not decode twice", "/v1/llms/%252e%252e", ["%2e%2e"]],
    ["leaves dots alone", "/v1/llms/%2e%2e", [".."]],
    ["leaves a plus alone", "/v1/llms/a+b", ["a+b"]],
    ["keeps an escaped slash between segments", "/v1/a/b%2fc%2F/%64", ["a/b%2fc%2F/d"]],
    ["keeps an escaped slash in a variable of two segments", "/v1/b/c%2Fd%20", ["b/c%2Fd "]],
    ["keeps empty segments inside `**`", "/v1/a//b/", ["a//b/"]],
    ["reads escapes of literals", "/v1/ll%6ds/x", ["x"]],
    ["reads UTF-8", "/v1/llms/%C3%A9", ["é"]],
  ])("%s", (_, path, variables) => {
    expect(table.find("GET", path)).toMatchObject({ variables });
  });

  it.each([
    ["a dot segment", "/v1/./llms/x"],
    ["a dot-dot segment", "/v1/y/../llms/x"],
    ["an empty segment for `*`", "/v1/llms/"],
    ["a trailing slash", "/v1/llms/x/"],
    ["two leading slashes", "//v1/llms/x"],
    ["no leading slash", "v1/llms/x"],
    ["an escaped slash for a slash", "/v1%2Fllms/x"],
    ["a slash for an escaped slash", "/x/y"],
    ["another case", "/v1/LLMS/x"],
    ["nothing", ""],
  ])("matches nothing by %s", (_, path) => {
    expect(table.find("GET", path)).toEqual(new Set());
  });

  it.each(["/v1/llms/%", "/v1/llms/%zz", "/v1/llms/%ff", "/v1/a/%c3", "/nowhere/%2"])("refuses %s", (path) => {
    expect(() => table.find("GET", path)).toThrow("does not escape UTF-8");
  });
});

describe("RouteTable, hostile paths", () => {
  const table = tableOf("GET /a/*/b/*/c/*/d", "GET /a/a/a/a/a/**", "GET /{x=**}:verb", "GET /s/**");

  it.each([
    ["640,000 slashes", `/a/${"/".repeat(640_000)}`],
    ["640,000 segments", `/s${"/a".repeat(640_000)}`],
    ["640,000 colons", `/a/${":".repeat(640_000)}`],
    ["640,000 colons and a verb", `/a/${":x".repeat(320_000)}:verb`],
    ["640,000 escapes", `/s/${"%2F".repeat(640_000)}`],
  ])("looks at %s at once", (_, path) => {
    const start = performance.now();
    table.find("GET", path);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe("RouteTable.add", () => {
  it.each([
    ["GET /v1/{a}", "GET /v1/{b}"],
    ["GET /v1/{a}", "GET /v1/*"],
    ["GET /v1/{a=x/*}", "GET /v1/x/{b}"],
    ["GET /v1/{a=**}:do", "GET /v1/**:do"],
    ["* /v1/a", "* /v1/a"],
    ["GET /v1/b", "GET /v1/%62"],
  ])("refuses %s beside %s", (one, other) => {
    expect(() => tableOf(one, other)).toThrow("has the shape of another route");
  });

  it.each([
    ["GET /v1/{a}", "POST /v1/{a}"],
    ["GET /v1/{a}", "GET /v1/a"],
    ["GET /v1/**", "GET /v1"],
    ["GET /v1/a:b", "GET /v1/a"],
  ])("takes %s beside %s", (one, other) => {
    expect(() => tableOf(one, other)).not.toThrow();
  });
});
