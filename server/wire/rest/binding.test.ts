import type { MessageInitShape } from "@bufbuild/protobuf";
import { createMethodImplSpec } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import type { HttpRuleSchema } from "../../../gen/google/api/http_pb.ts";
import { type RpcShape, registryOf } from "../../test/wire/rest-shapes.ts";
import { bindingsOf } from "./binding.ts";

type Rule = MessageInitShape<typeof HttpRuleSchema>;

function bind(rule: Rule | undefined, streams?: RpcShape["streams"]) {
  const types = registryOf({
    package: "bind.v1",
    messages: {
      In: {
        id: "string",
        ids: "repeated string",
        map: "map<string, string>",
        sub: { id: "int32", subs: "repeated message" },
        mask: "google.protobuf.FieldMask",
        file: "google.api.HttpBody",
      },
      Out: { sub: "message", list: "repeated string" },
    },
    rpcs: { Call: { input: "In", output: "Out", ...(streams && { streams }), ...(rule && { rule }) } },
  });
  const method = types.getService("bind.v1.Service")?.methods[0];
  if (method === undefined) throw new Error("no method");
  return bindingsOf(createMethodImplSpec(method, (() => ({})) as never));
}

const get = (value: string, rest: Partial<Rule> = {}): Rule => ({ pattern: { case: "get", value }, ...rest }) as Rule;

describe("bindingsOf", () => {
  it("has none for an rpc without a rule", () => expect(bind(undefined)).toEqual([]));

  it("has one for the rule and one for each additional binding", () => {
    const rule = get("/a/{id}", {
      additionalBindings: [
        { pattern: { case: "post", value: "/b" }, body: "*" },
        { pattern: { case: "custom", value: { kind: "HEAD", path: "/c" } }, responseBody: "list" },
      ],
    });
    expect(bind(rule)).toMatchObject([
      { httpMethod: "GET", template: { source: "/a/{id}" }, body: { kind: "none" } },
      { httpMethod: "POST", template: { source: "/b" }, body: { kind: "message" } },
      { httpMethod: "HEAD", template: { source: "/c" }, responseField: { name: "list" } },
    ]);
  });

  it.each<[string, Rule, string]>([
    ["a wrong template", get("/a/{id"), 'path template "/a/{id", column 7: expected `}`'],
    ["no pattern", {}, "it has no pattern"],
    ["an unknown path variable", get("/a/{nope}"), "path variable nope: bind.v1.In has no field nope"],
    [
      "an unknown nested path variable",
      get("/a/{sub.nope}"),
      "path variable sub.nope: bind.v1.In.Sub has no field nope",
    ],
    ["a path variable under a scalar", get("/a/{id.x}"), "path variable id.x: a value has no field x"],
    ["a path variable under a list", get("/a/{sub.subs.x}"), "path variable sub.subs.x: a value has no field x"],
    ["a repeated path variable", get("/a/{ids}"), "path variable ids: it must be a single scalar or enum"],
    ["a map as a path variable", get("/a/{map}"), "path variable map: it must be a single scalar or enum"],
    ["a message as a path variable", get("/a/{sub}"), "path variable sub: it must be a single scalar or enum"],
    ["a FieldMask as a path variable", get("/a/{mask}"), "path variable mask: it must be a single scalar or enum"],
    ["an unknown body", get("/a", { body: "nope" }), "body: bind.v1.In has no field nope"],
    ["a nested body", get("/a", { body: "sub.id" }), "body: bind.v1.In has no field sub.id"],
    ["an unknown response_body", get("/a", { responseBody: "id" }), "response_body: bind.v1.Out has no field id"],
    [
      "additional bindings of additional bindings",
      get("/a", { additionalBindings: [get("/b", { additionalBindings: [get("/c")] })] }),
      "additional_bindings cannot be nested",
    ],
  ])("refuses %s, with the names of rpc and field", (_, rule, problem) => {
    expect(() => bind(rule)).toThrow(`the google.api.http rule of bind.v1.Service.Call is wrong: ${problem}`);
  });

  it("refuses client streams", () => {
    expect(() => bind(get("/a"), "requests")).toThrow("client stream");
  });
});
