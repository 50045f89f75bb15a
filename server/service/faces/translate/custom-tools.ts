import type { Tool } from "../../../upstream/models/conversation.ts";
import { asObject, asText, type JsonObject, parseObject } from "../../../upstream/models/json-value.ts";
import type { Losses } from "./translation.ts";

/**
 * Tools that are called with a text instead of arguments, as OpenAI has them beside functions: to a model behind another
 * API, they are functions of one text.
 */
export class CustomTools {
  readonly #names = new Set<string>();

  /** The function that stands for one. */
  add({ name, description, format }: JsonObject, losses: Losses): Tool {
    this.#names.add(asText(name));
    const grammar = asText(asObject(format)?.definition) || asText(asObject(asObject(format)?.grammar)?.definition);
    if (grammar !== "") losses.add("tools.custom.format");
    const rule = grammar === "" ? "" : `\n\nThe input must follow this grammar:\n${grammar}`;
    const parameters = {
      type: "object",
      properties: { input: { type: "string", description: "The whole input of the tool, as plain text." } },
      required: ["input"],
      additionalProperties: false,
    };
    return { name: asText(name), description: asText(description) + rule, parameters };
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** The arguments of a function that a text is. */
  static wrap(input: string): string {
    return JSON.stringify({ input });
  }

  /** The text that the arguments of such a function are. */
  static unwrap(args: string): string {
    const input = parseObject(args)?.input;
    return typeof input === "string" ? input : args;
  }
}
