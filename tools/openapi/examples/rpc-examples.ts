import { fromJson, type JsonObject, type JsonValue, type Registry } from "@bufbuild/protobuf";
import { ResponseWriter } from "../../../server/wire/rest/answer.ts";
import type { Binding } from "../../../server/wire/rest/binding.ts";
import type { Examples } from "../schema/open-api.ts";

/** Examples of one rpc: its messages in JSON, the request without what the path gives. */
export interface RpcExamples {
  readonly requests: Readonly<Record<string, Example>>;
  readonly responses: Readonly<Record<string, Example>>;
}

/** A message, and what it shows. */
export interface Example {
  readonly summary: string;
  readonly value: JsonObject;
}

/** The examples of request bodies. Throws if one does not fit its message. */
export function bodyExamples({ spec, body }: Binding, { requests }: RpcExamples, registry: Registry): Examples {
  return mapExamples(requests, (value) => {
    fromJson(spec.method.input, value, { registry });
    return body.kind === "field" ? (value[body.field.jsonName] ?? null) : value;
  });
}

/** The examples of answers, as the server writes them. Throws if one does not fit its message. */
export function answerExamples(binding: Binding, { responses }: RpcExamples, registry: Registry): Examples {
  const writer = new ResponseWriter(registry);
  const { output } = binding.spec.method;
  return mapExamples(responses, (value) => JSON.parse(writer.json(binding, fromJson(output, value, { registry }))));
}

function mapExamples(examples: Readonly<Record<string, Example>>, show: (value: JsonObject) => JsonValue): Examples {
  return Object.fromEntries(
    Object.entries(examples).map(([name, { summary, value }]) => [name, { summary, value: show(value) }]),
  );
}
