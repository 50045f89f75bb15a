import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { JsonObject } from "../models/json-value.ts";
import type { ProviderType } from "../models/provider-types.ts";
import { readModels } from "./models.ts";

/** A list as a vendor documents it, and what it says of one of its models. */
interface Case {
  readonly name: string;
  readonly why: string;
  readonly providerType: ProviderType;
  readonly model: string;
  readonly list: JsonObject;
  readonly says: object;
}

const cases: Case[] = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/blind-lists.json"), "utf8"));

it.each(cases)("$name: $why", ({ providerType, model, list, says }) => {
  const found = readModels(list, providerType)?.models.find(({ id, aliases }) => [id, ...aliases].includes(model));
  expect(found).toBeDefined();
  const { maxContextLength, maxOutputTokens, supportsFunctionCalling, inputModalities } = found ?? {};
  expect({ maxContextLength, maxOutputTokens, supportsFunctionCalling, inputModalities }).toEqual(says);
});

it.each([
  { name: "dollars of a million", pricing: { prompt: 0.2, completion: 0.8 } },
  { name: "dollars of a million, of a cheap model", pricing: { prompt: 0.01, completion: 0.02 } },
  { name: "another currency", pricing: { prompt: "0.000004", completion: "0.000016", currency: "CNY" } },
  { name: "a fee for each request", pricing: { prompt: "0.000001", completion: "0.000001", request: "0.005" } },
  { name: "another unit", pricing: { prompt: "0.000001", completion: "0.000001", unit: "character" } },
  { name: "nothing, where that stands for no price", pricing: { prompt: "0", completion: "0" } },
])("takes no price from $name", ({ pricing }) => {
  const [model] = readModels({ data: [{ id: "m", pricing }] }, "CUSTOM_OPENAI_COMPATIBLE")?.models ?? [];
  expect(model?.id).toBe("m");
  expect(model?.price).toBeUndefined();
});
