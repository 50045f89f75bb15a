import { createHash } from "node:crypto";
import type { ToolCall } from "../models/conversation.ts";
import { asObject, asObjects, asText, type JsonObject } from "../models/json-value.ts";

/**
 * The content of a reply in its order, where it has parts that only Anthropic knows (signed and redacted thinking, what its
 * own tools did): these as they came, and places for the text, by its length, and for the calls.
 */
export function stateOf(content: readonly JsonObject[]): JsonObject | undefined {
  const blocks = content.map((block) => {
    if (block.type === "text") return { text: asText(block.text).length };
    return block.type === "tool_use" ? { call: true } : { opaque: block };
  });
  const text = content.map((block) => asText(block.text)).join("");
  return blocks.some((block) => "opaque" in block) ? { blocks, digest: digestOf(text) } : undefined;
}

/** By which it is seen whether the text is still the one that the places are of. */
function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}

/** What is sent again of a reply: its own content in its own order, as far as what it said is still the same. */
export function contentOf(
  state: JsonObject,
  text: string,
  calls: readonly ToolCall[],
  writeCall: (call: ToolCall) => JsonObject,
): JsonObject[] {
  const blocks = asObjects(state.blocks);
  const callCount = blocks.filter((block) => block.call === true).length;
  if (state.digest !== digestOf(text) || callCount !== calls.length) {
    const thinking = blocks.flatMap(({ opaque }) =>
      isThinking(asObject(opaque)) ? [asObject(opaque) as JsonObject] : [],
    );
    return [...thinking, ...written(text), ...calls.map(writeCall)];
  }
  let said = 0;
  let called = 0;
  return blocks.flatMap((block) => {
    const opaque = asObject(block.opaque);
    if (opaque !== undefined) return [opaque];
    if (block.call === true) return [writeCall(calls[called++] as ToolCall)];
    const start = said;
    said += Number(block.text);
    return written(text.slice(start, said));
  });
}

/** Of a reply that was changed, what the server's own tools did may no longer fit; its thinking does. */
function isThinking(block: JsonObject | undefined): boolean {
  return block?.type === "thinking" || block?.type === "redacted_thinking";
}

/** The API refuses a text of white space. */
function written(text: string): JsonObject[] {
  return text.trim() === "" ? [] : [{ type: "text", text }];
}

/** A block of a streamed reply as it grows: what comes is added to its texts, by name, and replaces the rest. */
export class GrowingBlock {
  #block: JsonObject;
  #json = "";

  constructor(block: JsonObject) {
    this.#block = block;
  }

  add(delta: JsonObject): void {
    for (const [name, value] of Object.entries(delta)) {
      if (name === "type" || value === null) continue;
      if (name === "partial_json") this.#json += asText(value);
      else if (typeof value === "string")
        this.#block = { ...this.#block, [name]: `${asText(this.#block[name])}${value}` };
      else if (name !== "citation") this.#block = { ...this.#block, [name]: value };
    }
  }

  /** The block as it would be in a reply that is not streamed. */
  whole(parse: (json: string) => JsonObject | undefined): JsonObject {
    return this.#json === "" ? this.#block : { ...this.#block, input: parse(this.#json) ?? {} };
  }
}
