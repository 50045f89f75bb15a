import { create, fromJson, type JsonObject, type JsonValue, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs, type ValueSchema } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import {
  type Llm,
  Llm_ProviderType,
  type SamplingParams,
  SamplingParamsSchema,
} from "../../../gen/patchbay/v1/llm_pb.ts";
import type { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { invalidField } from "../../base/fault.ts";

export type Llms = Client<typeof LlmService>;

/** An Llm by its id. */
export async function getLlm(llms: Llms, llmId: string): Promise<Llm> {
  const { llm } = await llms.getLlm({ llmId });
  if (!llm) throw new Error("GetLlm answered without an Llm");
  return llm;
}

/** All Llms of an account, for an API that has no pages. */
export async function listAllLlms(llms: Llms, ownerId: string): Promise<Llm[]> {
  const all: Llm[] = [];
  for (let pageToken = ""; ; ) {
    const page = await llms.listLlms({ ownerId, pageSize: 1_000, pageToken });
    all.push(...page.llms);
    pageToken = page.nextPageToken;
    if (pageToken === "") return all;
  }
}

/** A text, or null in its place. */
export function textOrNull(text: string | undefined): MessageInitShape<typeof ValueSchema> {
  return { kind: text === undefined ? { case: "nullValue", value: 0 } : { case: "stringValue", value: text } };
}

/** A number, or null in its place. */
export function numberOrNull(number: bigint | number | undefined): MessageInitShape<typeof ValueSchema> {
  const kind = number === undefined ? NULL : { case: "numberValue" as const, value: Number(number) };
  return { kind };
}

const NULL = { case: "nullValue" as const, value: 0 };

/** A time as the references write it: to the second. */
export function wholeSeconds(ms: bigint | number): Timestamp {
  return timestampFromMs(Math.floor(Number(ms) / 1_000) * 1_000);
}

/** The providers that the references know by name, with the address that goes without saying. */
const NAMED: readonly { readonly name: string; readonly type: Llm_ProviderType; readonly endpointUrl: string }[] = [
  { name: "openai", type: Llm_ProviderType.OPENAI, endpointUrl: "https://api.openai.com/v1" },
  { name: "anthropic", type: Llm_ProviderType.ANTHROPIC, endpointUrl: "https://api.anthropic.com/v1" },
];

/** The provider type for a reference's name of a provider. */
export function providerTypeOf(name: string): Llm_ProviderType {
  return NAMED.find((named) => named.name === name)?.type ?? Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE;
}

/** The reference's name for a provider type: all that it does not know are `custom` to it. */
export function nameOfProvider(type: Llm_ProviderType): string {
  return NAMED.find((named) => named.type === type)?.name ?? "custom";
}

/** The base URL of an Llm; undefined where it is the provider's own. */
export function ownBaseUrl({ providerType, endpointUrl }: Llm): string | undefined {
  const isUsual = NAMED.some((named) => named.type === providerType && named.endpointUrl === endpointUrl);
  return isUsual ? undefined : endpointUrl;
}

/** A key as a reference gives it: one that is left out changes nothing. */
export function credentialsOf(apiKey: string | undefined) {
  if (apiKey === undefined) return {};
  return { credentials: { apiKey: { source: { case: "inlineSecret" as const, value: apiKey } } } };
}

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
