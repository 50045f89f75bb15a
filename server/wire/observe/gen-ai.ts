import type { AskedModel, ReplyFacts } from "../../base/watch.ts";

/**
 * The words of OpenTelemetry's semantic conventions for generative AI, for spans and metrics. They are written out, as their
 * package takes 10 MB; a test compares them with it.
 */

/** `gen_ai.operation.name` of all that asks a model for a reply. */
export const CHAT = "chat";

/** `gen_ai.provider.name` by ours; what the conventions have no word for keeps its own. */
const PROVIDERS: Readonly<Record<string, string>> = {
  OPENAI: "openai",
  ANTHROPIC: "anthropic",
  OPEN_ROUTER: "openrouter",
  LITELLM_PROXY: "litellm",
};

/** `gen_ai.response.finish_reasons` by our reasons: OpenAI's words, which the conventions have as examples. */
const FINISH_REASONS: Readonly<Record<string, string>> = {
  end: "stop",
  "stop-sequence": "stop",
  "max-tokens": "length",
  "tool-calls": "tool_calls",
  "content-filter": "content_filter",
};

export function providerName(providerType: string): string {
  return PROVIDERS[providerType] ?? providerType.toLowerCase();
}

/** Whether an outcome is an error: a caller who leaves is none. */
export function isError(outcome: string): boolean {
  return outcome !== "ok" && outcome !== "left";
}

/** What a span has from its beginning. */
export function askAttributes(providerType: string, { model, isStreamed }: AskedModel) {
  return {
    "gen_ai.operation.name": CHAT,
    "gen_ai.provider.name": providerName(providerType),
    "gen_ai.request.model": model,
    "gen_ai.request.stream": isStreamed,
  };
}

/** What a reply adds; undefined says nothing. */
export function replyAttributes(facts: ReplyFacts, asked: string) {
  const { stopReason, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = facts;
  const model = knownModel(facts.model, asked);
  return {
    ...(model === undefined ? {} : { "gen_ai.response.model": model }),
    ...(stopReason === undefined
      ? {}
      : { "gen_ai.response.finish_reasons": [FINISH_REASONS[stopReason] ?? stopReason] }),
    ...(inputTokens === undefined ? {} : { "gen_ai.usage.input_tokens": inputTokens }),
    ...(outputTokens === undefined ? {} : { "gen_ai.usage.output_tokens": outputTokens }),
    ...(cacheReadTokens === undefined ? {} : { "gen_ai.usage.cache_read.input_tokens": cacheReadTokens }),
    ...(cacheWriteTokens === undefined ? {} : { "gen_ai.usage.cache_creation.input_tokens": cacheWriteTokens }),
  };
}

/** An endpoint may call its model anything, by the key that it was sent even: a name is told that begins as what was asked. */
function knownModel(replied: string | undefined, asked: string): string | undefined {
  if (!replied || replied.length > 128) return undefined;
  const plain = (name: string) => name.slice(name.lastIndexOf("/") + 1).toLowerCase();
  const [one, other] = [plain(replied), plain(asked)];
  return one.startsWith(other) || other.startsWith(one) ? replied : undefined;
}
