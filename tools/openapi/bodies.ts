import type { DescField, Registry } from "@bufbuild/protobuf";
import { NDJSON, SERVER_SENT_EVENTS } from "../../server/wire/rest/answer.ts";
import type { Binding } from "../../server/wire/rest/binding.ts";
import { answerExamples, bodyExamples, type RpcExamples } from "./examples/rpc-examples.ts";
import type { Content, Examples, Operation, Response, Schema } from "./schema/open-api.ts";
import type { Requirements } from "./schema/requirements.ts";
import type { Schemas } from "./schema/schemas.ts";

/** What bodies are described from. */
export interface BodySources {
  readonly schemas: Schemas;
  readonly requirements: Requirements;
  readonly registry: Registry;
}

/** The body of a request; undefined if there is none, or nothing to put into it. */
export function readRequestBody(
  binding: Binding,
  examples: RpcExamples,
  { schemas, requirements, registry }: BodySources,
): Operation["requestBody"] {
  const { body, spec } = binding;
  if (body.kind === "none") return undefined;
  if (body.isHttpBody) return { required: false, content: ANY_BYTES };
  const shown = bodyExamples(binding, examples, registry);
  if (body.kind === "field") {
    return { required: schemas.isRequired(body.field), content: json(schemas.field(body.field), shown) };
  }
  const inPath = fieldsInPath(binding);
  if (inPath.size === spec.method.input.fields.length) return undefined;
  return {
    required: requirements.needsMoreThan(spec.method.input, inPath),
    content: json(schemas.message(spec.method.input, inPath), shown),
  };
}

/** The answer of a call that succeeds. */
export function readAnswer(binding: Binding, examples: RpcExamples, { schemas, registry }: BodySources): Response {
  const { spec, responseField, answersHttpBody } = binding;
  const { description, ...schema } = responseField
    ? schemas.field(responseField)
    : { ...schemas.message(spec.method.output), description: "The answer." };
  const said = typeof description === "string" ? description : "The answer.";
  if (answersHttpBody) return { description: said, content: ANY_BYTES };
  const shown = answerExamples(binding, examples, registry);
  if (spec.kind === "unary") return { description: said, content: json(schema, shown) };
  const message = { schema: { anyOf: [schema, { $ref: "#/components/schemas/ErrorResponse" }] }, examples: shown };
  return {
    description: STREAM,
    content: { [NDJSON.contentType]: message, [SERVER_SENT_EVENTS.contentType]: message },
  };
}

/** Bytes of any media type have no schema. */
const ANY_BYTES: Content = { "*/*": {} };

const STREAM = [
  "A stream of messages, each of this schema.",
  `- \`${NDJSON.contentType}\`: one message a line. If the call fails later on, the last line is the error.`,
  `- \`${SERVER_SENT_EVENTS.contentType}\`, if Accept asks for it: one event a message, with the message as its data. ` +
    "At the end comes an event `end`, or an event `error` with the error.",
].join("\n");

function json(schema: Schema, examples: Examples): Content {
  return { "application/json": { schema, ...(Object.keys(examples).length > 0 && { examples }) } };
}

function fieldsInPath({ variables }: Binding): ReadonlySet<DescField> {
  return new Set(variables.flatMap(({ fields }) => (fields.length === 1 ? fields : [])));
}
