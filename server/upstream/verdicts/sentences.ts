import type { ErrorWords } from "../models/error-words.ts";
import type { Target } from "../models/provider-types.ts";
import type { Verdict } from "./verdicts.ts";
import { CLOSED, NETWORK, OF_MONEY } from "./words/access.ts";

/** Of an answer, what its sentence depends on. */
export interface Said {
  readonly status: number;
  readonly words: ErrorWords;
  readonly isOfProvider: boolean;
  readonly parameter: string | undefined;
}

/** What happened, and what to do, for whoever has to do it. None of it is the endpoint's words. */
export function sentenceOf(
  { kind, feature }: Verdict,
  { status, words, isOfProvider, parameter }: Said,
  { apiKey, model }: Target,
): [sentence: string, advice: string] {
  const name = JSON.stringify(model);
  const operator = "whoever runs the endpoint has to mend that";
  switch (kind) {
    case "key-refused":
      if (CLOSED.test(words.message) && !OF_MONEY.test(words.message)) {
        return [
          "the account at the endpoint is closed, suspended or disabled",
          "whoever runs the account has to settle that with the provider; another key of it does not help",
        ];
      }
      return apiKey === undefined
        ? ["the endpoint asks for a key", "give the Llm credentials"]
        : ["the endpoint refused the key", "check the key, its header and its prefix"];
    case "provider-key-refused":
      return [
        "the key with which the endpoint calls its provider was refused there; it is not the key of this Llm",
        operator,
      ];
    case "model-not-found":
      if (isOfOtherApi(words)) {
        return [
          `the endpoint serves the model ${name} through another of its APIs only`,
          "use a model that it serves at the API path of this Llm",
        ];
      }
      return isOfProvider
        ? [`a provider behind the endpoint does not serve what stands for the model ${name}`, operator]
        : [`the endpoint does not serve the model ${name}`, "check the name of the model"];
    case "model-not-allowed":
      return [
        `the account at the endpoint may not use the model ${name}`,
        "whoever runs the account has to allow it: its access to models, or its data policy",
      ];
    case "context-too-long": {
      return [
        `the request is too long for the context of the model${roomIn(words)}`,
        "send less, or use a longer context",
      ];
    }
    case "content-refused":
      return ["the provider's moderation refused what was sent", "change the messages; nothing else helps"];
    case "region-refused":
      if (NETWORK.test(words.message)) {
        return [
          "the endpoint does not let in the network that it was called from",
          "whoever runs the endpoint has to let the address of this server in; another key does not help",
        ];
      }
      return [
        "the provider does not serve the country or region that it was called from",
        "call it from elsewhere, or use another endpoint; nothing else helps",
      ];
    case "quota-exhausted":
      return [
        "the account at the provider has no quota or credit left",
        "whoever runs the account has to add some; waiting does not help",
      ];
    case "rate-limited":
      return ["the endpoint limits the rate of calls", "try again later"];
    case "busy":
      return [busyWith(words), "try again later"];
    case "timeout":
      return ["the endpoint, or a provider behind it, gave up on a reply that took too long", "try again later"];
    case "feature-refused":
      return [
        `${feature?.name ?? "a part of the request"} ${isOne(feature?.name) ? "is" : "are"} not served by the model ${name} at this endpoint`,
        "leave it out, or use a model that has it",
      ];
    case "parameter-refused":
      return [
        parameter
          ? `the model does not take the parameter ${parameter}`
          : "the model does not take a parameter of the request",
        "leave it out of the chat, of the Llm's default_sampling_params and of its client_config",
      ];
    case "unavailable":
      return [
        /overload/i.test(`${words.codes.join(" ")} ${words.message}`)
          ? "the endpoint could not answer now, as it is overloaded"
          : "the endpoint could not answer now",
        "try again later",
      ];
    case "bad-reply":
      return status === 404 || status === 405
        ? ["nothing is served at this path: check the end of the endpoint URL (mostly /v1) and the API path", ""]
        : ["the endpoint's answer is not one of the provider's API", ""];
    default:
      if (status === 413) {
        return ["the request is larger than the endpoint, or what stands in front of it, takes", "send less"];
      }
      return ["the endpoint refused the request", parameter ? `look at its ${parameter}` : ""];
  }
}

/** Whether a model is there and not served at this path: OpenAI's of its newer API alone, those of completions, of embeddings. */
function isOfOtherApi({ message, codes }: ErrorWords): boolean {
  return (
    codes.some((code) => /^(OperationNotSupported|unsupported_api_for_model)$/i.test(code)) ||
    /\bv1\/(responses|completions|embeddings|messages)\b|\bnot a chat model\b|\b(does|do)(n't| not) support (the )?chat completions?\b/i.test(
      message,
    )
  );
}

/** What an endpoint tells of the tokens of a prompt that is too long, and of those that fit. */
function roomIn({ promptTokens, contextTokens }: ErrorWords): string {
  if (contextTokens === undefined) return "";
  if (promptTokens === undefined) return `, of which ${contextTokens} tokens fit`;
  const all = promptTokens > contextTokens ? "tokens" : "tokens, and those of the reply";
  return `: ${promptTokens} ${all}, of which ${contextTokens} fit`;
}

function isOne(name: string | undefined): boolean {
  return name === undefined || ["audio", "reasoning", "the form of the reply"].includes(name);
}

function busyWith({ message, codes }: ErrorWords): string {
  const all = `${codes.join(" ")} ${message}`;
  if (/load|warming|cold start/i.test(all)) return "the endpoint is still loading the model";
  if (/cooldown|no deployments/i.test(all)) {
    return "the endpoint has put the model aside for a moment, because a provider behind it failed before";
  }
  return "the endpoint is busy with other calls";
}
