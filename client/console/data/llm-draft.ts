/** The form of an Llm: what is typed, and the request that it comes to. What is right is the server's to say. */
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import type { Llm_Modality, Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import type { CreateLlmRequestSchema, UpdateLlmRequestSchema } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { contractNameOf, isAbout } from "../calls/problem.ts";
import { text } from "../text.ts";
import type { Llm } from "./llms.ts";

const CAPABILITIES = [
  "supportsChat",
  "supportsCompletion",
  "supportsFunctionCalling",
  "supportsSystemMessages",
  "supportsStreaming",
  "supportsSamplingParameters",
] as const;
const SAMPLING = ["temperature", "topP", "topK", "maxTokens", "frequencyPenalty", "presencePenalty"] as const;
/** As the form has them, and as the contract does. */
const PATIENCE = [
  ["firstPiece", "firstPieceSeconds"],
  ["betweenPieces", "betweenPiecesSeconds"],
  ["whole", "wholeSeconds"],
] as const;
const RATES = ["input", "output", "cacheRead", "cacheWrite", "reasoning"] as const;

type Texts =
  | "displayName"
  | "alias"
  | "description"
  | "providerId"
  | "providerType"
  | "endpointUrl"
  | "apiPath"
  | "modelIdentifier"
  | "key"
  | "secretRef"
  | "headerName"
  | "prefix"
  | "labels"
  | "version"
  | "monitoringEndpoint"
  | "checkInterval"
  | "maxContextLength"
  | "clientConfig"
  | "stopSequences"
  | (typeof CAPABILITIES)[number]
  | (typeof SAMPLING)[number]
  | (typeof PATIENCE)[number][0]
  | (typeof RATES)[number];

export type FormValues = Record<Texts, string> & { modalities: string[] };

type CreateInit = Exclude<MessageInitShape<typeof CreateLlmRequestSchema>, { $typeName: string }>;
type UpdateInit = Exclude<MessageInitShape<typeof UpdateLlmRequestSchema>, { $typeName: string }>;

export interface Reading {
  readonly fields: Partial<Omit<CreateInit, "$typeName">>;
  /** What cannot be read at all. */
  readonly errors: Partial<Record<keyof FormValues, string>>;
}

export type Draft =
  | { readonly kind: "create"; readonly request: CreateInit; readonly isAskable: boolean }
  | { readonly kind: "update"; readonly request: UpdateInit; readonly isAskable: boolean };

export function valuesOf(llm: Llm | undefined): FormValues {
  const flag = (value: boolean | undefined) => (value === undefined ? "" : value ? "yes" : "no");
  const number = (value: number | undefined) => (value === undefined ? "" : String(value));
  const { capabilities, capabilitySources, defaultSamplingParams: sampling, price } = llm ?? {};
  /** Only the owner's own word is theirs to change; the others' come by themselves. */
  const own = (name: (typeof CAPABILITIES)[number]) =>
    capabilitySources?.[name]?.source === 1 ? flag(capabilities?.[name]) : "";
  const values = {
    displayName: llm?.displayName ?? "",
    alias: llm?.alias ?? "",
    description: llm?.description ?? "",
    providerId: llm?.providerId ?? "",
    providerType: String(llm?.providerType ?? 1),
    endpointUrl: llm?.endpointUrl ?? "",
    apiPath: llm?.apiPath ?? "",
    modelIdentifier: llm?.modelIdentifier ?? "",
    key: "",
    secretRef: llm?.credentialsRef ?? "",
    headerName: "",
    prefix: "",
    labels: Object.entries(llm?.labels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join("\n"),
    version: llm?.version ?? "",
    monitoringEndpoint: llm?.monitoringEndpoint ?? "",
    checkInterval: llm?.checkIntervalSeconds ? String(llm.checkIntervalSeconds) : "",
    maxContextLength: capabilitySources?.maxContextLength?.source === 1 ? number(llm?.maxContextLength) : "",
    clientConfig:
      llm?.clientConfig && Object.keys(llm.clientConfig).length > 0 ? JSON.stringify(llm.clientConfig, null, 2) : "",
    stopSequences: (sampling?.stopSequences ?? []).join("\n"),
    modalities: (llm?.supportedModalities ?? []).map(String),
  };
  return {
    ...values,
    ...Object.fromEntries(CAPABILITIES.map((name) => [name, own(name)])),
    ...Object.fromEntries(SAMPLING.map((name) => [name, number(sampling?.[name])])),
    ...Object.fromEntries(PATIENCE.map(([name, field]) => [name, number(llm?.patience?.[field])])),
    ...Object.fromEntries(RATES.map((name) => [name, price?.[name] ?? ""])),
  } as FormValues;
}

export function readForm(values: FormValues): Reading {
  const errors: Partial<Record<keyof FormValues, string>> = {};
  const number = (name: Texts): number | undefined => {
    const typed = values[name].trim();
    if (typed === "") return undefined;
    if (Number.isFinite(Number(typed))) return Number(typed);
    errors[name] = text.form.numberBad;
    return undefined;
  };
  const lines = (value: string) => value.split("\n").filter((line) => line.trim() !== "");
  const labels: Record<string, string> = {};
  for (const line of lines(values.labels)) {
    const [, key, value] = /^\s*([^=]+?)\s*=(.*)$/.exec(line) ?? [];
    if (key === undefined) errors.labels = text.form.labelsBad(line);
    else labels[key] = value?.trim() ?? "";
  }
  const sampling = Object.fromEntries(
    SAMPLING.map((name) => [name, number(name)] as const).filter(([, value]) => value !== undefined),
  );
  const patience = PATIENCE.map(([name, field]) => [field, number(name)] as const);
  const stopSequences = lines(values.stopSequences);
  const flags = CAPABILITIES.filter((name) => values[name] !== "").map((name) => [name, values[name] === "yes"]);
  const rates = RATES.filter((name) => values[name].trim() !== "").map((name) => [name, values[name].trim()]);
  const maxContextLength = number("maxContextLength");
  const clientConfig = readObject(values.clientConfig);
  if (clientConfig === undefined) errors.clientConfig = text.form.jsonBad;
  const source = readSource(values);
  const checkIntervalSeconds = number("checkInterval");
  const fields: Reading["fields"] = {
    displayName: values.displayName,
    alias: values.alias.trim(),
    description: values.description,
    providerId: values.providerId,
    providerType: (values.providerId ? 0 : Number(values.providerType)) as Llm_ProviderType,
    endpointUrl: values.endpointUrl.trim(),
    apiPath: values.apiPath.trim(),
    modelIdentifier: values.modelIdentifier.trim(),
    labels,
    version: values.version,
    monitoringEndpoint: values.monitoringEndpoint.trim(),
    checkIntervalSeconds: checkIntervalSeconds ?? 0,
    supportedModalities: values.modalities.map((value) => Number(value) as Llm_Modality),
    capabilities: Object.fromEntries(flags),
    defaultSamplingParams: { ...sampling, stopSequences },
    patience: Object.fromEntries(patience.filter(([, value]) => value !== undefined)),
    price: Object.fromEntries(rates),
    ...(maxContextLength !== undefined && { maxContextLength }),
    ...(clientConfig && { clientConfig }),
    ...(source && {
      credentials: { apiKey: { source, headerName: values.headerName.trim(), prefix: values.prefix } },
    }),
  };
  return { fields, errors };
}

function readSource({ key, secretRef, providerId }: FormValues) {
  if (providerId !== "") return undefined;
  if (key.trim() !== "") return { case: "inlineSecret" as const, value: key.trim() };
  if (secretRef.trim() !== "") return { case: "secretRef" as const, value: { uri: secretRef.trim() } };
  return undefined;
}

/** Undefined if it is no object. */
function readObject(value: string): JsonObject | undefined {
  if (value.trim() === "") return {};
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? (parsed as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** Which field of the form a field of the contract stands in; several of the form can be one of the contract. */
const CONTRACT: readonly (readonly [field: string, names: readonly (keyof FormValues)[]])[] = [
  ["display_name", ["displayName"]],
  ["alias", ["alias"]],
  ["description", ["description"]],
  ["provider_id", ["providerId"]],
  ["provider_type", ["providerType"]],
  ["endpoint_url", ["endpointUrl"]],
  ["api_path", ["apiPath"]],
  ["model_identifier", ["modelIdentifier"]],
  ["credentials.api_key.secret_ref", ["secretRef"]],
  ["credentials.api_key.header_name", ["headerName"]],
  ["credentials.api_key.prefix", ["prefix"]],
  ["credentials", ["key", "secretRef", "headerName", "prefix"]],
  ["replace_labels", ["labels"]],
  ["labels", ["labels"]],
  ["version", ["version"]],
  ["monitoring_endpoint", ["monitoringEndpoint"]],
  ["check_interval_seconds", ["checkInterval"]],
  ["max_context_length", ["maxContextLength"]],
  ["client_config", ["clientConfig"]],
  ["supported_modalities", ["modalities"]],
  ...CAPABILITIES.map((name) => [`capabilities.${contractNameOf(name)}`, [name]] as const),
  ...SAMPLING.map((name) => [`default_sampling_params.${contractNameOf(name)}`, [name]] as const),
  ["default_sampling_params", ["stopSequences", ...SAMPLING]],
  ["capabilities", CAPABILITIES],
  ...PATIENCE.map(([name, field]) => [`patience.${contractNameOf(field)}`, [name]] as const),
  ["patience", PATIENCE.map(([name]) => name)],
  ...RATES.map((name) => [`price.${contractNameOf(name)}`, [name]] as const),
  ["price", RATES],
];

/** The field of the form that a violation is about. */
export function fieldNameOf(violation: string): keyof FormValues | undefined {
  return CONTRACT.find(([field]) => isAbout(violation, field))?.[1][0];
}

export function draftOf({ fields }: Reading, llm: Llm | undefined, dirty: ReadonlySet<keyof FormValues>): Draft {
  if (!llm) {
    const { providerId } = fields;
    const isAskable = Boolean(fields.displayName && fields.modelIdentifier);
    return { kind: "create", isAskable, request: { ...withoutEmpty(fields), ...(providerId && { providerId }) } };
  }
  const { credentials, labels, ...plain } = fields;
  const touched = CONTRACT.filter(([field, names]) => !field.includes(".") && names.some((name) => dirty.has(name)))
    .map(([field]) => field)
    .filter((field) => field !== "provider_type" && field !== "labels")
    .filter((field) => field !== "credentials" || credentials !== undefined);
  const all: Record<string, unknown> = { ...plain, credentials, replaceLabels: { labels: labels ?? {} } };
  const changes = touched.map((field) => {
    const name = field.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    return [name, all[name]] as const;
  });
  return {
    kind: "update",
    isAskable: touched.length > 0,
    request: {
      llmId: llm.llmId,
      etag: llm.etag,
      updateMask: { paths: touched },
      ...Object.fromEntries(changes.filter(([, value]) => value !== undefined)),
    },
  };
}

/** What is left open is inferred by the server; an empty list or text is not the same as none. */
function withoutEmpty(fields: Reading["fields"]): CreateInit {
  const isEmpty = (value: unknown) =>
    value === "" ||
    value === 0 ||
    (Array.isArray(value) && value.length === 0) ||
    (typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0);
  const { defaultSamplingParams, ...rest } = fields;
  const sampling = Object.entries(defaultSamplingParams ?? {}).filter(([, value]) => !isEmpty(value));
  return {
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => !isEmpty(value))),
    ...(sampling.length > 0 && { defaultSamplingParams: Object.fromEntries(sampling) }),
  };
}
