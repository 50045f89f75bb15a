import { type FileRegistry, fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { type HttpRule, HttpRuleSchema } from "../../gen/google/api/http_pb.ts";
import { registryOf, type Shape } from "../../server/test/wire/rest-shapes.ts";
import { parsePathTemplate } from "../../server/wire/rest/path.ts";
import type { ExpectedCall, RestCallCase } from "./rest-call-cases.ts";
import { attempt } from "./verdict.ts";

/** Makes the messages and the rpc of a case. What the case leaves open is taken from its rule and its examples. */
export function registryOfCall({ rule: json, message_shape: shape, expect }: RestCallCase): FileRegistry {
  const rule = fromJson(HttpRuleSchema, json);
  const given = shape.$response ?? shape.$response_stream_field;
  const examples = examplesOf(expect, rule.responseBody);
  const [output, outputShape] = outputOf(given, examples);
  const isStream =
    `${given}`.startsWith("stream ") || "$response_stream_field" in shape || streamOf(expect) !== undefined;
  return registryOf({
    package: "call",
    messages: { Request: { ...variablesOf(rule), ...inputOf(shape) }, Response: outputShape },
    rpcs: {
      Call: {
        input: "Request",
        output,
        rule,
        ...(shape.$client_stream ? { streams: "requests" } : isStream ? { streams: "responses" } : {}),
      },
    },
  });
}

function inputOf(shape: RestCallCase["message_shape"]): Shape {
  return Object.fromEntries(Object.entries(shape).filter(([name]) => !name.startsWith("$"))) as Shape;
}

/** Some cases leave out fields that only their rule names. */
function variablesOf(rule: HttpRule): Shape {
  const shape: Record<string, string | Shape> = {};
  for (const { pattern } of [rule, ...rule.additionalBindings]) {
    const path = pattern.case === "custom" ? pattern.value.path : (pattern.value ?? "");
    const template = attempt(() => parsePathTemplate(path));
    if (template instanceof Error) continue;
    for (const { fieldPath } of template.variables) {
      const [name = "", ...nested] = fieldPath.split(".");
      shape[name] = nested.reduceRight<string | Shape>((inner, field) => ({ [field]: inner }), "string");
    }
  }
  return shape;
}

function outputOf(given: JsonValue | undefined, examples: readonly JsonObject[]): [output: string, shape: Shape] {
  if (typeof given === "string") {
    const type = given.replace("stream ", "");
    if (type.startsWith("google.")) return [type, {}];
    const [field = "", fieldType = ""] = type.split(": ");
    if (fieldType !== "") return ["Response", { [field]: fieldType }];
  }
  if (typeof given === "object") return ["Response", given as Shape];
  return ["Response", shapeOf(Object.assign({}, ...examples))];
}

/** What the rpc of a case returns: what the case says, or what makes the answer that it expects. */
export function examplesOf(expect: ExpectedCall, responseBody: string): readonly JsonObject[] {
  if (expect.rpc_response_stream !== undefined) return expect.rpc_response_stream;
  if (expect.rpc_response !== undefined) return [expect.rpc_response];
  const bodies = streamOf(expect) ?? [bodyOf(expect)];
  return bodies.map((body) => (responseBody === "" ? body : { [responseBody]: body }) as JsonObject);
}

/** The messages of a stream, from what a peer makes of them: one array, or lines of `{"result": …}`. */
export function streamOf({ upstream_lines: lines, upstream_raw_response: raw }: ExpectedCall): JsonValue[] | undefined {
  const results = lines?.filter((line) => line.includes("result")).map((line) => JSON.parse(line).result);
  return results?.length ? results : raw?.startsWith("[") ? JSON.parse(raw) : undefined;
}

function bodyOf({ response, raw_response: raw = "{}", response_headers: headers }: ExpectedCall): JsonValue {
  if (response !== undefined) return response;
  const contentType = headers?.["content-type"] ?? "application/json";
  if (contentType === "application/json") return JSON.parse(raw || "{}");
  return { contentType, data: Buffer.from(raw).toString("base64") };
}

function shapeOf(example: JsonObject): Shape {
  return Object.fromEntries(Object.entries(example).map(([name, value]) => [name, typeOf(value)]));
}

function typeOf(value: JsonValue): string | Shape {
  if (Array.isArray(value)) return typeof value[0] === "object" ? "repeated google.protobuf.Struct" : "repeated string";
  if (typeof value === "object" && value !== null) return shapeOf(value);
  if (typeof value === "number") return "double";
  return typeof value === "boolean" ? "bool" : "string";
}
