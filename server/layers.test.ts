import { globSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { circlesOf, importsOf, sourceFiles, textOf } from "../tools/import-graph.ts";

/** Imports flow one way, as data does; what each folder of server/ may import besides itself and base. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  upstream: [],
  store: [],
  domain: ["store", "upstream"],
  // The words of the layers below, for presenting them.
  service: ["gen", "domain", "store", "upstream"],
  wire: ["gen", "service"],
};

/** Packages that only one folder may import, and why a second one would be a mistake. */
const ONE_IMPORTER: Record<string, string> = {
  "@mikro-orm/": "server/store",
  pg: "server/store",
  undici: "server/upstream/egress",
  "node:net": "server/wire|server/upstream/egress",
  "node:tls": "server/wire",
  "node:http": "server/wire|server/upstream",
  "node:https": "server/wire",
  "node:http2": "server/wire",
  "node:dns": "server/upstream/egress",
  "node:dgram": "nothing",
  // A program could call anybody.
  "node:child_process": "server/store/embedded|client/cli/terminal/edit.ts",
  "node:worker_threads": "nothing",
  "node:cluster": "nothing",
  "prom-client": "server/wire/observe",
  "@opentelemetry/": "server/wire/observe/otel",
  "@connectrpc/connect": "server/wire|server/service|client|server/compose",
};

const files = sourceFiles("{server,client}/**/*.ts");
const imports = importsOf(files);

/** The folders of server/domain: each may import those before it. */
const DOMAIN_ORDER = [
  "call",
  "access",
  "limits",
  "connections",
  "models",
  "providers",
  "names",
  "llms",
  "routes",
  "usage",
  "chat",
  "background",
] as const;

/** So many files one can take in at a look. Tests and folders are not counted. */
const MAX_FILES_IN_FOLDER = 15;
/** Folders that have more, and why no cut would help whoever looks for something. */
const OUTGROWN: Readonly<Record<string, string>> = {};

/** What is imported from Node's networks; a type says so in front of the braces or of its name. */
const NETWORK_IMPORT = /^import (?!type )\{?([^}"]*)\}? from "(node:(?:net|tls|https?|http2))"/gm;

describe("imports", () => {
  it("are found", () => expect(imports.length).toBeGreaterThan(100));

  it.each(Object.entries(MAY_IMPORT))("of server/%s go down only", (layer, allowed) => {
    const wrong = imports.filter(({ file, specifier, target }) => {
      if (!file.startsWith(`server/${layer}/`) || !specifier.startsWith(".")) return false;
      const [, to = "gen"] = /^server\/([^/]+)\//.exec(target) ?? [];
      return to !== layer && to !== "base" && !allowed.includes(to);
    });
    expect(wrong, `move the code, or what it needs: server/${layer} may import only ${["base", ...allowed]}`).toEqual(
      [],
    );
  });

  it("of server/service/dialects/ reach our own services by the contract only", () => {
    const wrong = imports.filter(({ file, specifier, target }) => {
      if (!file.startsWith("server/service/dialects/") || !specifier.startsWith(".")) return false;
      return !/^(gen|server\/base|server\/service\/dialects)\/|^server\/service\/call\/context\.ts$/.test(target);
    });
    expect(wrong, "a dialect calls the rpcs that everybody calls, so that it cannot skip a rule").toEqual([]);
  });

  it("of server/domain/ follow its order", () => {
    const placeOf = (path: string) => DOMAIN_ORDER.indexOf(folderOfDomain(path));
    const inDomain = imports.filter(({ file, target }) =>
      [file, target].every((it) => it.startsWith("server/domain/")),
    );
    expect(inDomain.length).toBeGreaterThan(50);
    const advice =
      `server/domain is ${DOMAIN_ORDER.join(" < ")}: each may import those before it. Move what both need down, or take ` +
      "it as an interface that server/compose fills in; a new folder gets its place in DOMAIN_ORDER";
    expect(
      inDomain.filter(
        ({ file, target }) => placeOf(file) < placeOf(target) || placeOf(file) < 0 || placeOf(target) < 0,
      ),
      advice,
    ).toEqual([]);
  });

  it("make no circle of folders", () => {
    const circles = circlesOf(importsOf(sourceFiles("{server,tools}/**/*.ts")));
    const advice =
      "these folders import each other, directly or round (types count; a folder is its own files, so a parent and its " +
      "children are several): of these imports, move what the fewest need into the folder that asks for it, or below both";
    expect(
      circles.map((circle) => circle.map(({ file, target }) => `${file} imports ${target}`)),
      advice,
    ).toEqual([]);
  });

  it("of client/ reach gen/ only", () => {
    const wrong = imports.filter(({ file, target }) => file.startsWith("client/") && target.startsWith("server/"));
    expect(wrong, "the client works without the server's code").toEqual([]);
  });

  it.each(Object.entries(ONE_IMPORTER))("of %s are in %s", (name, folders) => {
    const wrong = imports.filter(
      ({ file, specifier }) =>
        (specifier === name || specifier.startsWith(name.endsWith("/") ? name : `${name}/`)) &&
        !new RegExp(`^(${folders})`).test(file),
    );
    expect(wrong, `only ${folders} may import ${name}`).toEqual([]);
  });
});

describe("folders", () => {
  const counted = globSync("{server,client,tools,proofs,scripts}/**/*.ts", {
    cwd: join(import.meta.dirname, ".."),
  }).filter((file) => !file.endsWith(".test.ts"));

  it(`hold at most ${MAX_FILES_IN_FOLDER} files`, () => {
    const tooLarge = [...Map.groupBy(counted, dirname)]
      .filter(([, inside]) => inside.length > MAX_FILES_IN_FOLDER)
      .map(([folder, inside]) => `${folder}: ${inside.length}`);
    const advice =
      "a room is right when its name says where something is and its files are used together: cut the folder so, or name " +
      "it in OUTGROWN with a sentence why no cut would help";
    expect(
      tooLarge.filter((line) => !((line.split(":")[0] ?? "") in OUTGROWN)),
      advice,
    ).toEqual([]);
  });
});

describe("the environment", () => {
  it("is read by config.ts only, and by the command's environment.ts", () => {
    const readers = files.filter((file) => /process\.env\b/.test(textOf(file)));
    expect(readers.sort(), "add a setting to server/config/config.ts and pass it on").toEqual([
      "client/cli/environment.ts",
      "server/config/config.ts",
    ]);
  });
});

describe("outbound connections", () => {
  const SERVING = /^(createServer|Server|NetServer|constants|createSecureContext|isIP|isIPv4|isIPv6)$/;
  const inServer = files.filter((file) => file.startsWith("server/"));
  const filesWith = (pattern: RegExp) => inServer.filter((file) => pattern.test(textOf(file)));
  const advice = "call an endpoint through server/upstream/egress, by undici's pools";

  it("are opened by nothing that Node has of its own: of its networks only what serves is imported", () => {
    const imported = inServer.flatMap((file) =>
      [...textOf(file).matchAll(NETWORK_IMPORT)].flatMap(([, names = "", module = ""]) =>
        names
          .split(",")
          .map((name) => name.trim())
          .filter((name) => name !== "" && !name.startsWith("type "))
          .map((name) => ({ file, module, name: name.replace(/ as .*/, "") })),
      ),
    );
    expect(imported.length).toBeGreaterThan(5);
    expect(
      imported.filter(({ name }) => !SERVING.test(name)),
      advice,
    ).toEqual([]);
  });

  it("are opened by no global", () => {
    expect(filesWith(/\bfetch\s*\(|\bnew (WebSocket|EventSource|XMLHttpRequest)\b|\bglobalThis\b/), advice).toEqual([]);
  });

  it("are opened by nothing that is loaded past the imports", () => {
    expect(filesWith(/\bcreateRequire\([^)]*\)(?!\.resolve)|\bgetBuiltinModule\b|\brequire\s*\(/), advice).toEqual([]);
    const chosen = filesWith(/\bimport\(\s*[^"\s]/);
    expect(chosen, "only the platform's PostgreSQL has a name that is not written down").toEqual([
      "server/store/embedded/installation.ts",
    ]);
    expect(imports.filter(({ specifier }) => /^(net|tls|https?2?|dns|dgram|child_process)\b/.test(specifier))).toEqual(
      [],
    );
  });
});

function folderOfDomain(path: string): (typeof DOMAIN_ORDER)[number] {
  return path.split("/")[2] as (typeof DOMAIN_ORDER)[number];
}
