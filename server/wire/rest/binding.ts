import { type DescField, type DescMessage, type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import type { MethodImplSpec } from "@connectrpc/connect";
import { http } from "../../../gen/google/api/annotations_pb.ts";
import type { HttpRule } from "../../../gen/google/api/http_pb.ts";
import { HttpBodySchema } from "../../../gen/google/api/httpbody_pb.ts";
import { fieldsOf } from "../call/fields.ts";
import { type PathTemplate, parsePathTemplate } from "./path.ts";

/** The kinds of rpc that a REST call can reach. */
export type ServedSpec = Extract<MethodImplSpec, { kind: "unary" | "server_streaming" }>;

/** One way to call an rpc over REST: a google.api.HttpRule, checked against the rpc's messages. */
export interface Binding {
  readonly spec: ServedSpec;
  readonly httpMethod: string;
  readonly template: PathTemplate;
  /** The fields that lead to each variable of the template, in their order. */
  readonly variables: readonly VariableField[];
  readonly body: BodyRule;
  /** Where to put the paths of a PATCH's mask, if the caller gives none. */
  readonly maskField: DescField | undefined;
  /** The field of the response that is the body of the answer; undefined for the response as a whole. */
  readonly responseField: DescField | undefined;
  /** Whether the answer is a google.api.HttpBody: bytes with a content type, no JSON. */
  readonly answersHttpBody: boolean;
}

/** A field that a path sets. */
export interface VariableField {
  /** By proto names. */
  readonly path: string;
  /** From the request message down to the field. */
  readonly fields: readonly DescField[];
  readonly field: DescField;
}

/** What the body of a request holds. */
export type BodyRule =
  | { readonly kind: "none" }
  | { readonly kind: "message"; readonly isHttpBody: boolean }
  | { readonly kind: "field"; readonly field: DescField; readonly isHttpBody: boolean };

/** The bindings of an rpc: of its rule and of the rule's additional bindings. Throws if one cannot be served. */
export function bindingsOf(spec: MethodImplSpec): Binding[] {
  if (!hasOption(spec.method, http)) return [];
  const rule = getOption(spec.method, http);
  if (rule.additionalBindings.some(({ additionalBindings }) => additionalBindings.length > 0)) {
    throw wrongRule(spec.method, "additional_bindings cannot be nested");
  }
  if (spec.kind !== "unary" && spec.kind !== "server_streaming") {
    throw wrongRule(spec.method, "the requests of a client stream cannot come over REST");
  }
  return [rule, ...rule.additionalBindings].map((one) => createBinding(spec, one));
}

function createBinding(spec: ServedSpec, rule: HttpRule): Binding {
  const { method } = spec;
  const [httpMethod, path] = readPattern(method, rule);
  const template = parseTemplate(method, path);
  const body = readBodyRule(method, rule.body);
  const responseField = rule.responseBody === "" ? undefined : topLevelField(method.output, rule.responseBody);
  if (responseField === undefined && rule.responseBody !== "") {
    throw wrongRule(method, `response_body: ${method.output.typeName} has no field ${rule.responseBody}`);
  }
  return {
    spec,
    httpMethod,
    template,
    variables: template.variables.map(({ fieldPath }) => readVariable(method, fieldPath)),
    body,
    maskField: httpMethod === "PATCH" && body.kind === "field" ? maskFieldOf(method.input, body.field) : undefined,
    responseField,
    answersHttpBody: isHttpBody(responseField === undefined ? method.output : messageOf(responseField)),
  };
}

function readPattern(method: DescMethod, { pattern }: HttpRule): [httpMethod: string, path: string] {
  if (pattern.case === undefined) throw wrongRule(method, "it has no pattern");
  if (pattern.case === "custom") return [pattern.value.kind, pattern.value.path];
  return [pattern.case.toUpperCase(), pattern.value];
}

function parseTemplate(method: DescMethod, path: string): PathTemplate {
  try {
    return parsePathTemplate(path);
  } catch (error) {
    throw wrongRule(method, (error as Error).message, error);
  }
}

function readVariable(method: DescMethod, path: string): VariableField {
  const fields: DescField[] = [];
  let desc: DescMessage | undefined = method.input;
  for (const name of path.split(".")) {
    const field: DescField | undefined = desc?.fields.find((candidate) => candidate.name === name);
    if (field === undefined)
      throw wrongRule(method, `path variable ${path}: ${desc?.typeName ?? "a value"} has no field ${name}`);
    fields.push(field);
    desc = messageOf(field);
  }
  const field = fields.at(-1);
  if (field?.fieldKind !== "scalar" && field?.fieldKind !== "enum") {
    throw wrongRule(method, `path variable ${path}: it must be a single scalar or enum`);
  }
  return { path, fields, field };
}

function readBodyRule(method: DescMethod, name: string): BodyRule {
  if (name === "") return { kind: "none" };
  if (name === "*") return { kind: "message", isHttpBody: isHttpBody(method.input) };
  const field = topLevelField(method.input, name);
  if (field === undefined) throw wrongRule(method, `body: ${method.input.typeName} has no field ${name}`);
  return { kind: "field", field, isHttpBody: isHttpBody(messageOf(field)) };
}

function topLevelField(desc: DescMessage, name: string): DescField | undefined {
  return desc.fields.find((field) => field.name === name);
}

/** The message of a field that holds one; undefined for lists and maps, too. */
function messageOf(field: DescField): DescMessage | undefined {
  return field.fieldKind === "message" ? field.message : undefined;
}

function isHttpBody(desc: DescMessage | undefined): boolean {
  return desc?.typeName === HttpBodySchema.typeName;
}

function maskFieldOf(desc: DescMessage, body: DescField): DescField | undefined {
  const field = fieldsOf(desc).get("update_mask");
  const isMask = field !== undefined && messageOf(field)?.typeName === FieldMaskSchema.typeName;
  return isMask && body.fieldKind === "message" ? field : undefined;
}

function wrongRule(method: DescMethod, problem: string, cause?: unknown): Error {
  return new Error(`the google.api.http rule of ${method.parent.typeName}.${method.name} is wrong: ${problem}`, {
    cause,
  });
}
