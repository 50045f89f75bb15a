import { create, fromJson, type JsonObject, type JsonValue, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { type Llm, type SamplingParams, SamplingParamsSchema } from "../../../gen/patchbay/v1/llm_pb.ts";
import { invalidField } from "../../base/fault.ts";

const SAMPLING = SamplingParamsSchema.fields.map(({ jsonName }) => jsonName);

/** A reference's `configuration`, as an Llm keeps it: sampling parameters, and the rest as it is. */
export function readConfiguration(configuration: JsonObject | undefined): {
  readonly defaultSamplingParams?: SamplingParams;
  readonly clientConfig?: JsonObject;
} {
  if (configuration === undefined) return {};
  const entries = Object.entries(configuration).filter(([, value]) => value !== null);
  const sampling = entries.filter(([name]) => SAMPLING.includes(name));
  const defaultSamplingParams = create(SamplingParamsSchema);
  for (const [name, value] of sampling) Object.assign(defaultSamplingParams, readParameter(name, value));
  const rest = entries.filter(([name]) => !SAMPLING.includes(name));
  return { defaultSamplingParams, clientConfig: Object.fromEntries(rest) };
}

/** What `readConfiguration` read. */
export function presentConfiguration({ defaultSamplingParams, clientConfig }: Llm): JsonObject {
  const sampling = defaultSamplingParams && (toJson(SamplingParamsSchema, defaultSamplingParams) as JsonObject);
  return { ...clientConfig, ...sampling };
}

function readParameter(name: string, value: JsonValue): MessageInitShape<typeof SamplingParamsSchema> {
  try {
    const { $typeName: _, ...read } = fromJson(SamplingParamsSchema, { [name]: value });
    return Object.fromEntries(Object.entries(read).filter(([key]) => key === name));
  } catch {
    throw invalidField(`configuration.${name}`, "must be a number, or for stopSequences a list of texts");
  }
}
