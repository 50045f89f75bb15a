import type { HandlerContext } from "@connectrpc/connect";
import { invalidField } from "../../base/fault.ts";
import { outputLimitOf } from "../../domain/models/knowledge.ts";
import type { LlmNames, NamedLlm, NamedRoute } from "../../domain/names/llm-names.ts";
import { headerIn, scopeOf } from "../call/context.ts";
import type { FaceReply, FaceRequest } from "./face.ts";

/** As many as Anthropic's API gives on one page at most. */
const MAX_PAGE = 1_000;

/** The models that a key may use, by the names that `model` takes. */
export class FaceModels {
  readonly #names: LlmNames;

  constructor({ names }: { readonly names: LlmNames }) {
    this.#names = names;
  }

  async list({ query }: FaceRequest, context: HandlerContext): Promise<FaceReply> {
    const models = await this.#names.list(scopeOf(context));
    if (!isAnthropic(context)) return json({ object: "list", data: models.map(openAiModel) });
    const parameters = new URLSearchParams(query);
    const page = pageOf(models, parameters);
    const [first, last] = [page.models[0]?.name ?? null, page.models.at(-1)?.name ?? null];
    const data = page.models.map(anthropicModel);
    return json({ data, has_more: page.hasMore, first_id: first, last_id: last });
  }

  async get({ variables }: FaceRequest, context: HandlerContext): Promise<FaceReply> {
    const model = await this.#names.get(scopeOf(context), variables[0] ?? "");
    return json(isAnthropic(context) ? anthropicModel(model) : openAiModel(model));
  }
}

type Named = NamedLlm | NamedRoute;

function isAnthropic(context: HandlerContext): boolean {
  return headerIn(context, "anthropic-version") !== undefined;
}

/** OpenAI's form, with what others add to it and programs look for: nothing that is not known. */
function openAiModel(named: Named) {
  const { name } = named;
  if ("route" in named) {
    const { createdAt, displayName } = named.route;
    const created = Math.floor(createdAt.getTime() / 1_000);
    return { id: name, object: "model", created, owned_by: "route", display_name: displayName };
  }
  const { llm } = named;
  const context = llm.maxContextLength ?? undefined;
  return {
    id: name,
    object: "model",
    created: Math.floor(llm.createdAt.getTime() / 1_000),
    owned_by: llm.providerType.toLowerCase(),
    display_name: llm.displayName,
    context_length: context,
    max_model_len: context,
    max_input_tokens: context,
    max_output_tokens: outputLimit(llm),
  };
}

function anthropicModel(named: Named) {
  const { name } = named;
  if ("route" in named) {
    const { createdAt, displayName } = named.route;
    return { type: "model", id: name, display_name: displayName, created_at: createdAt.toISOString() };
  }
  const { llm } = named;
  return {
    type: "model",
    id: name,
    display_name: llm.displayName,
    created_at: llm.createdAt.toISOString(),
    max_input_tokens: llm.maxContextLength ?? undefined,
    max_tokens: outputLimit(llm),
  };
}

/** The most tokens of a reply that is known; else what the owner's own default is. */
function outputLimit({ model, defaultSampling }: NamedLlm["llm"]): number | undefined {
  return outputLimitOf(model) ?? defaultSampling.maxTokens;
}

function pageOf(models: readonly Named[], parameters: URLSearchParams) {
  const limit = Number(parameters.get("limit") ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    throw invalidField("limit", `must be a number from 1 to ${MAX_PAGE}`);
  }
  const [after, before] = [parameters.get("after_id"), parameters.get("before_id")];
  const start = after === null ? 0 : models.findIndex(({ name }) => name === after) + 1;
  const end = before === null ? models.length : models.findIndex(({ name }) => name === before);
  const between = models.slice(start, end === -1 ? models.length : end);
  const page = before === null ? between.slice(0, limit) : between.slice(-limit);
  return { models: page, hasMore: page.length < between.length };
}

function json(value: object): FaceReply {
  return { body: JSON.stringify(value) };
}
