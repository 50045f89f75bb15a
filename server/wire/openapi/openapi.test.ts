import { createRegistry } from "@bufbuild/protobuf";
import { createMethodImplSpec } from "@connectrpc/connect";
import { validate } from "@readme/openapi-parser";
import { describe, expect, it } from "vitest";
import { DIALECT_SERVICES } from "../../service/dialects/dialects.ts";
import { SERVICES } from "../../service/services.ts";
import { operationsOf, readDocument, SchemaJudge } from "../../test/wire/openapi.ts";
import { bindingsOf } from "../rest/binding.ts";
import { RouteTable } from "../rest/route-table.ts";
import { createRestHandler } from "../rest/transcode.ts";

const document = readDocument();
const operations = operationsOf(document);
const judge = new SchemaJudge(document);
const methods = [...SERVICES, ...DIALECT_SERVICES].flatMap((service) =>
  service.methods.map((method) => createMethodImplSpec(method, (() => ({})) as never)),
);
const bindings = methods.flatMap(bindingsOf);

describe("the document", () => {
  it("is valid OpenAPI 3.1 to a validator that is not ours", async () => {
    const result = await validate(structuredClone(document) as never, {
      validate: { errors: { colorize: false } },
    });
    expect(result).toMatchObject({ valid: true, warnings: [] });
  });

  it("names no two schemas alike but for case and dots, which generators leave out", () => {
    const names = Object.keys(document.components.schemas).map((name) => name.replace(/[._-]/g, "").toLowerCase());
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it("says where its server is", () => expect(document.servers).toMatchObject([{ url: "/" }]));

  it("has each binding of each rpc once", () => {
    const described = operations.map(({ operation }) => operation.operationId).sort();
    const served = methods.flatMap((spec) =>
      bindingsOf(spec).map((_, index) => {
        const { parent, name } = spec.method;
        return `${parent.name}_${name}${index === 0 ? "" : `_${index + 1}`}`;
      }),
    );
    expect(described).toEqual(served.sort());
  });

  it("names an answer and an error for each call", () => {
    for (const { operation } of operations) {
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(["200", "400", "401", "403", "default"]));
    }
  });
});

describe("each operation", () => {
  const rest = createRestHandler(methods, {
    readMaxBytes: () => 0,
    errorDomain: "test",
    corsOrigins: [],
    registry: createRegistry(),
  });
  const routes = new RouteTable<string>();
  for (const { httpMethod, template, spec } of bindings) routes.add(httpMethod, template, spec.method.name);

  it.each(operations)("is served: $httpMethod $path", ({ httpMethod, path, operation }) => {
    const called = path.replace(/\{[^}]*\}/g, "5b1f2a3c-6d7e-4f80-91a2-b3c4d5e6f708");
    expect(rest.serves(called)).toBe(true);
    const rpc = operation.operationId.split("_")[1];
    expect(routes.find(httpMethod.toUpperCase(), called)).toMatchObject({ target: rpc });
  });
});

describe("the examples", () => {
  const bodies = operations.flatMap(({ httpMethod, path, operation }) => {
    const at = ["paths", path, httpMethod];
    const { requestBody, responses } = operation;
    const placed = [
      { place: [...at, "requestBody"], content: requestBody?.content ?? {} },
      ...Object.entries(responses).map(([status, { content = {} }]) => ({
        place: [...at, "responses", status],
        content,
      })),
    ];
    return placed.flatMap(({ place, content }) =>
      Object.entries(content).flatMap(([type, { examples = {} }]) =>
        Object.values(examples).map(({ value }) => ({ place: [...place, "content", type, "schema"], value })),
      ),
    );
  });

  it("are many", () => expect(bodies.length).toBeGreaterThan(50));

  it("fit the schemas beside them", () => {
    const wrong = bodies.flatMap(({ place, value }) => judge.faults(place, value).map((fault) => [...place, fault]));
    expect(wrong).toEqual([]);
  });
});

describe("the schemas", () => {
  const faults = (name: string, value: unknown) => judge.faults(["components", "schemas", name], value);
  const llm = { displayName: "A", providerType: "OPENAI", modelIdentifier: "m" };

  it.each([
    [
      "CreateLlmRequest",
      "a field that is missing",
      { ...llm, displayName: undefined },
      "must have required property 'displayName'",
    ],
    [
      "CreateLlmRequest",
      "a name that is empty",
      { ...llm, displayName: "" },
      "/displayName must NOT have fewer than 1 characters",
    ],
    ["CreateLlmRequest", "a typo", { ...llm, apiKey: "" }, " must NOT have additional properties"],
    [
      "CreateLlmRequest",
      "an enum's zero",
      { ...llm, providerType: "PROVIDER_TYPE_UNSPECIFIED" },
      "/providerType must be equal to one of the allowed values",
    ],
    [
      "CreateLlmRequest",
      "a modality twice",
      { ...llm, supportedModalities: ["TEXT", "TEXT"] },
      "/supportedModalities must NOT have duplicate items (items ## 0 and 1 are identical)",
    ],
    [
      "CreateLlmRequest",
      "a label without a name",
      { ...llm, labels: { "": "x" } },
      "/labels property name must be valid",
    ],
    ["SamplingParams", "a number out of range", { temperature: 3 }, "/temperature must be <= 2"],
    ["ContentPart", "none of a choice", {}, " must match exactly one schema in oneOf"],
    ["ContentPart", "two of a choice", { text: "", image: { url: "" } }, " must match exactly one schema in oneOf"],
    ["Credentials", "a key that is missing", { apiKey: {} }, "/apiKey must have required property 'inlineSecret'"],
  ])("%s: refuses %s", (name, _, value, fault) => {
    expect(faults(name, JSON.parse(JSON.stringify(value)))).toContainEqual(expect.stringContaining(fault));
  });
});
