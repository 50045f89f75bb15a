import { hasForeignState } from "../../upstream/calls/state-owner.ts";
import type { ModelRequest, Reply, Usage } from "../../upstream/models/conversation.ts";
import { parseObject } from "../../upstream/models/json-value.ts";
import type { Target } from "../../upstream/models/provider-types.ts";
import { isOtherFamily } from "../../upstream/models/same-model.ts";
import type { Notice } from "../connections/notice.ts";
import { estimateMessages, estimatePrompt, isCounted, isText } from "../usage/cost.ts";

/** What was sent for a chat. */
export interface SentRequest {
  readonly request: ModelRequest;
  /** How many turns of the session were not sent, because they did not fit. */
  readonly turnsLeftOut: number;
  /** Of the turn before, as its provider counted it; undefined without one, or when turns were left out. */
  readonly before: Usage | undefined;
}

/** What the caller should know of a reply that came. */
export function noticesOfReply(target: Target, sent: SentRequest, reply: Reply): Notice[] {
  const notices: Notice[] = [];
  const { request, turnsLeftOut } = sent;
  if (turnsLeftOut > 0) {
    const turns = turnsLeftOut === 1 ? "the oldest turn" : `the ${turnsLeftOut} oldest turns`;
    const message = `${turns} of the session did not fit into the context of the model, and did not go with it`;
    notices.push({ code: "HISTORY_LEFT_OUT", message });
  }
  if (wasCut(target, sent, reply.usage)) {
    const message = `the endpoint counted ${reply.usage.inputTokens} tokens, fewer than were sent: it left out some of it`;
    notices.push({ code: "HISTORY_CUT_BY_ENDPOINT", message });
  }
  if (isNoJson(request, reply)) {
    const message = "the reply was to be JSON and is none: the endpoint or its model does not keep to response_format";
    notices.push({ code: "REPLY_NOT_JSON", message });
  }
  if (hasForeignState(target, request.messages)) {
    const message = "messages hold a provider_state of another provider or model, which was not sent";
    notices.push({ code: "PROVIDER_STATE_NOT_SENT", message });
  }
  if (reply.billing?.isFallback) {
    const message = "the endpoint says that the model failed, and that another one replied; its cost is not the Llm's";
    notices.push({ code: "FALLBACK_REPLIED", message });
  } else if (isOtherFamily(target.model, reply.model)) {
    const message = `the endpoint names ${JSON.stringify(reply.model)} as the model that replied, which is another one than the Llm's; its cost is not known by the Llm's`;
    notices.push({ code: "FALLBACK_REPLIED", message });
  }
  return notices;
}

/** Prompts that are shorter are counted too differently by estimate and by provider. */
const LONG_TOKENS = 1_500;

/**
 * Whether the endpoint took less than it was sent, by its own counts: a session's prompt that did not grow by what was said
 * since, or, of Ollama, which does so in silence, one far below every estimate.
 */
function wasCut({ providerType }: Target, { request, before }: SentRequest, usage: Usage): boolean {
  const { inputTokens = 0 } = usage;
  const mayBe = before?.inputTokens !== undefined || providerType === "OLLAMA";
  if (!mayBe || !isCounted(usage, () => 0) || !isText(request)) return false;
  const estimate = estimatePrompt(request);
  if (estimate < LONG_TOKENS || inputTokens >= estimate * 0.9) return false;
  const said = request.messages.slice(request.messages.findLastIndex(({ role }) => role === "assistant") + 1);
  const hasShrunk = before?.inputTokens !== undefined && inputTokens < before.inputTokens + estimateMessages(said) / 2;
  return hasShrunk || (providerType === "OLLAMA" && inputTokens < estimate * 0.6);
}

function isNoJson({ responseFormat }: ModelRequest, { text, toolCalls, stopReason }: Reply): boolean {
  if (responseFormat === undefined || responseFormat.type === "text" || toolCalls.length > 0) return false;
  if (stopReason === "max-tokens" || stopReason === "content-filter") return false;
  return responseFormat.type === "json-object" ? parseObject(text) === undefined : !isJson(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
