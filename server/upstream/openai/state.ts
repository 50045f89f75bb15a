import { asObject, asObjects, asText, type JsonObject } from "../models/json-value.ts";
import type { ProviderType } from "../models/provider-types.ts";

/**
 * What the makers of OpenAI-compatible servers want back with a reply:
 * - `reasoning_content` of DeepSeek, Kimi and others, in turns that call tools;
 * - `reasoning_details` of OpenRouter and MiniMax, `thinking_blocks` and `provider_specific_fields` of LiteLLM,
 *   `extra_content` of Google, and whatever is named as signed, encrypted or opaque;
 * - `audio`, of which OpenAI wants the id;
 * - a content of parts that are not all text, such as Mistral's thinking, as it was;
 * - what stands beside the function of a call.
 */
export interface OpenAiState {
  readonly members?: JsonObject;
  readonly content?: readonly JsonObject[];
  readonly calls?: Readonly<Record<string, JsonObject>>;
}

/** Members of a reply's message that go back with it whenever it does. */
const WANTED =
  /^(reasoning_details|thinking_blocks|provider_specific_fields|extra_content)$|signature|encrypted|opaque/i;

/** Gathers what is to be sent back, from a whole message or from the pieces of one. */
export class StateGatherer {
  readonly #members: Record<string, unknown> = {};
  #content: readonly JsonObject[] | undefined;

  /** Adds what a message, or a piece of one, brings. */
  read(message: JsonObject, providerType: ProviderType | undefined): void {
    for (const name of Object.keys(message)) {
      const value = message[name];
      if (value === null || value === undefined || value === "") continue;
      if (name === "reasoning_content" || (name === "reasoning" && takesReasoning(providerType))) {
        this.#members[name] = `${asText(this.#members[name])}${asText(value)}`;
      } else if (name === "audio") {
        const id = asText(asObject(value)?.id);
        if (id !== "") this.#members.audio = { id };
      } else if (WANTED.test(name)) this.#members[name] = merged(this.#members[name], value);
    }
    const content = asObjects(message.content);
    if (content.some(({ type }) => type !== "text" && type !== "output_text")) {
      this.#content = [...(this.#content ?? []), ...content];
    }
  }

  /** All of it; undefined if there is nothing to send back. */
  state(calls: ReadonlyMap<string, JsonObject>, callsTools: boolean): JsonObject | undefined {
    const members = callsTools ? this.#members : withoutReasoning(this.#members);
    const state = {
      ...(Object.keys(members).length > 0 && { members }),
      ...(this.#content && { content: this.#content }),
      ...(calls.size > 0 && { calls: Object.fromEntries(calls) }),
    };
    return Object.keys(state).length > 0 ? state : undefined;
  }
}

function withoutReasoning(members: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !/^reasoning(_content)?$/.test(name)));
}

/** By this name some take what they said, and others refuse whoever sends it. */
function takesReasoning(providerType: ProviderType | undefined): boolean {
  return providerType === "OPEN_ROUTER" || providerType === "OLLAMA" || providerType === "VLLM";
}

/** Lists of blocks come block by block, and a block in pieces of its texts; of objects, members are added. */
function merged(before: unknown, value: unknown): unknown {
  if (Array.isArray(before) && Array.isArray(value)) return withBlocks(before, value);
  const [old, added] = [asObject(before), asObject(value)];
  if (old === undefined || added === undefined) return value;
  return {
    ...old,
    ...Object.fromEntries(Object.entries(added).map(([name, item]) => [name, merged(old[name], item)])),
  };
}

const TEXTS = new Set(["text", "thinking", "summary", "data", "signature"]);

/** Only the first of what comes may be more of the last that is there. */
function withBlocks(blocks: readonly unknown[], [first, ...rest]: readonly unknown[]): unknown[] {
  const [last, block] = [asObject(blocks.at(-1)), asObject(first)];
  if (last === undefined || block === undefined || !isMore(last, block)) return [...blocks, first, ...rest];
  const more = Object.entries(block).map(([name, item]) => [
    name,
    TEXTS.has(name) && typeof item === "string" ? `${asText(last[name])}${item}` : (item ?? last[name]),
  ]);
  return [...blocks.slice(0, -1), { ...last, ...Object.fromEntries(more) }, ...rest];
}

/** A signature is the end of a block; a block that has another index, type or id is another one. */
function isMore(last: JsonObject, block: JsonObject): boolean {
  const isSame = ["type", "index", "id"].every((name) => (block[name] ?? last[name]) === last[name]);
  return isSame && asText(last.signature) === "" && !/redacted|encrypted/.test(asText(block.type));
}
