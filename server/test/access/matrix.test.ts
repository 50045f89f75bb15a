import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type DescMethod, getOption, type JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PermissionSchema, requirement } from "../../../gen/patchbay/v1/permission_pb.ts";
import { SERVICES } from "../../service/services.ts";
import { CALLS } from "./calls.ts";
import { type Answer, call, WAYS } from "./ways.ts";
import { FOREIGN_MARK, OWN_MARK, PRINCIPALS, type Principal, type Whose, World } from "./world.ts";

const FILE = join(import.meta.dirname, "matrix.txt");
/** Calls under way at once. */
const LANES = 8;
const TIMEOUT_MS = 300_000;

const METHODS = SERVICES.flatMap((service) => service.methods);
const nameOf = ({ parent, name }: DescMethod) => `${parent.name}.${name}`;

/** The rows that there are to be: one for each rpc, or three if it is about a thing. */
const ROWS = METHODS.flatMap((method) => {
  const call = CALLS[nameOf(method)];
  // Another test says that it is missing.
  if (!call) return [];
  const { isAboutThing, isEndless = false, request } = call;
  const whose: readonly Whose[] = isAboutThing ? ["own", "foreign", "missing"] : ["own"];
  return whose.map((one) => ({
    method,
    isEndless,
    makeRequest: request,
    whose: one,
    key: `${nameOf(method)} ${isAboutThing ? one : "-"}`,
  }));
});

/** The expected outcomes, by `Service.Rpc whose`. */
const EXPECTED = new Map(
  readFileSync(FILE, "utf8")
    .split("\n")
    .filter((line) => /^\w/.test(line))
    .map((line) => line.trim().split(/ +/))
    .map(([rpc, whose, ...outcomes]): [string, string[]] => [`${rpc} ${whose}`, outcomes]),
);

const write = (key: string, outcomes: readonly string[]) => {
  const [rpc = "", whose = ""] = key.split(" ");
  return `${rpc.padEnd(35)} ${whose.padEnd(8)} ${outcomes.map((outcome) => outcome.padEnd(20)).join("")}`.trimEnd();
};

const textOf = ({ outcome, said }: Answer) => `${outcome} ${said}`;

function requiredBy(method: DescMethod): string[] {
  const { own, any } = getOption(method, requirement);
  return [own, any].filter((number) => number !== 0).map((number) => PermissionSchema.value[number]?.name ?? "");
}

describe("server/test/access", () => {
  it("knows how to call every rpc", () => {
    const unknown = METHODS.map(nameOf).filter((name) => !CALLS[name]);
    expect(unknown, "add a line for each to CALLS in server/test/access/calls.ts").toEqual([]);
    const gone = Object.keys(CALLS).filter((name) => !METHODS.some((method) => nameOf(method) === name));
    expect(gone, "these rpcs are gone: take them out of server/test/access/calls.ts").toEqual([]);
  });

  it("has no row in matrix.txt for what is gone", () => {
    const keys = new Set(ROWS.map(({ key }) => key));
    expect([...EXPECTED.keys()].filter((key) => key !== "rpc whose" && !keys.has(key))).toEqual([]);
    expect(EXPECTED.get("rpc whose")).toEqual(PRINCIPALS);
  });
});

let world: World;
beforeAll(async () => {
  world = await World.make();
});
afterAll(() => world.close());

describe.each(WAYS)("over $protocol, with the key in $header", ({ header, open }) => {
  let surface: ReturnType<typeof open>;
  const answers = new Map<string, Answer & { readonly request: JsonObject }>();
  const answerTo = (key: string, principal: Principal) => {
    const answer = answers.get(`${key} ${principal}`);
    if (!answer) throw new Error(`nobody asked ${key} for ${principal}`);
    return answer;
  };

  beforeAll(async () => {
    surface = open(world.server.url);
    const cells = ROWS.flatMap((row) => PRINCIPALS.map((principal) => ({ ...row, principal })));
    const ask = async () => {
      for (let cell = cells.pop(); cell; cell = cells.pop()) {
        const { method, makeRequest, isEndless, whose, key, principal } = cell;
        const request = await makeRequest(world, whose);
        const presented = await world.keyOf(principal, requiredBy(method));
        const answer = await call(surface.transport, { method, request, isEndless }, header, presented);
        answers.set(`${key} ${principal}`, { ...answer, request });
      }
    };
    await Promise.all(Array.from({ length: LANES }, ask));
  }, TIMEOUT_MS);
  afterAll(() => surface.close());

  it("C3 C6 everything is as matrix.txt says", () => {
    const found = ROWS.map(({ key }) => ({ key, outcomes: PRINCIPALS.map((one) => answerTo(key, one).outcome) }));
    const unexpected = found.filter(({ key }) => !EXPECTED.has(key)).map(({ key, outcomes }) => write(key, outcomes));
    expect(
      unexpected.join("\n"),
      "matrix.txt lacks rows. Read what was found; if it is what it shall be, add these lines to it",
    ).toBe("");
    for (const { key, outcomes } of found) expect(write(key, outcomes)).toBe(write(key, EXPECTED.get(key) ?? []));
  });

  it("nobody without a key gets anywhere, and all are told the same", () => {
    // A stream that fails is told by other headers than a single answer.
    for (const kind of ["unary", "server_streaming"]) {
      const rows = ROWS.filter(({ method }) => method.methodKind === kind);
      const told = new Set(rows.map(({ key }) => textOf(answerTo(key, "none"))));
      expect([...told]).toEqual([expect.stringMatching(/^unauthenticated .*"www-authenticate","Bearer"/)]);
    }
  });

  it("every permission but the one that is asked for is not enough", () => {
    for (const { key, method } of ROWS) {
      const { anyCaller } = getOption(method, requirement);
      expect(`${key} ${answerTo(key, "wrong_scope").outcome}`).toBe(`${key} ${anyCaller ? "ok" : "permission_denied"}`);
    }
  });

  it("C8 foreign and missing are answered alike, to the byte", () => {
    const about = ROWS.filter(({ whose }) => whose === "missing");
    expect(about.length).toBeGreaterThan(20);
    for (const { method } of about) {
      const withoutIds = (whose: Whose, principal: Principal) => {
        const { outcome, said, request } = answerTo(`${nameOf(method)} ${whose}`, principal);
        const ids = Object.values(request)
          .flat()
          .filter((value) => /^([0-9a-f-]{36}|\w{16})$/.test(String(value)));
        return ids.reduce<string>((text, id) => text.replaceAll(String(id), "<id>"), textOf({ outcome, said }));
      };
      for (const principal of PRINCIPALS.filter((one) => one !== "admin")) {
        expect(withoutIds("foreign", principal), nameOf(method)).toBe(withoutIds("missing", principal));
      }
      expect(withoutIds("own", "other"), nameOf(method)).toBe(withoutIds("missing", "other"));
    }
  });

  it("no answer has anything of an account that is not the caller's", () => {
    for (const { key } of ROWS) {
      for (const principal of PRINCIPALS.filter((one) => one !== "admin" && one !== "wrong_scope")) {
        const { said } = answerTo(key, principal);
        expect(said, `${key} ${principal}`).not.toContain(FOREIGN_MARK);
        if (principal === "other") expect(said, key).not.toContain(OWN_MARK);
      }
    }
  });
});
