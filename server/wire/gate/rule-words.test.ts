import {
  create,
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { type FieldRules, field as rulesOf } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { describe, expect, it } from "vitest";
import { CreateApiKeyRequestSchema } from "../../../gen/patchbay/v1/access_service_pb.ts";
import { SetBudgetRequestSchema } from "../../../gen/patchbay/v1/budget_service_pb.ts";
import { ChatRequestSchema } from "../../../gen/patchbay/v1/chat_service_pb.ts";
import {
  CreateLlmRequestSchema,
  GetLlmRequestSchema,
  TestConnectionRequestSchema,
  UpdateLlmRequestSchema,
} from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { CreateRouteRequestSchema } from "../../../gen/patchbay/v1/route_service_pb.ts";
import { Fault } from "../../base/fault.ts";
import { DIALECT_SERVICES } from "../../service/dialects/dialects.ts";
import { SERVICES } from "../../service/services.ts";
import { describeViolation } from "./rule-words.ts";
import { createCheck } from "./validate.ts";

const check = createCheck();

/** What whoever sends a message is told of it. */
function told<Desc extends DescMessage>(desc: Desc, init: MessageInitShape<Desc>): string {
  try {
    check(desc, create(desc, init));
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
  return "";
}

const llm = { displayName: "x", modelIdentifier: "m", providerType: 1 } as const;

const PROVIDER_TYPES =
  "one of OPENAI, LITELLM_PROXY, OPEN_ROUTER, VLLM, OLLAMA, LLAMA_CPP, CUSTOM_OPENAI_COMPATIBLE, DASHSCOPE, ANTHROPIC";

describe("what is said of a rule that is broken", () => {
  it.each([
    [
      told(CreateLlmRequestSchema, {}),
      "display_name: must not be missing or empty; model_identifier: must not be missing or empty; " +
        `provider_type: is required without a provider_id: ${PROVIDER_TYPES}`,
    ],
    [
      told(CreateLlmRequestSchema, { ...llm, alias: "My GPT" }),
      "alias: must be lower-case letters, digits, dots, underscores, hyphens and slashes, and begin with a letter or " +
        "digit, such as claude-team or openai/gpt-4o",
    ],
    [
      told(CreateLlmRequestSchema, { ...llm, price: { input: "2500000", output: "0.0000001" } }),
      'price.input: must be dollars for a million tokens as a decimal text, such as "2.5": from 0 to 999999.999999, with ' +
        'at most 6 decimals; price.output: must be dollars for a million tokens as a decimal text, such as "2.5": from 0 ' +
        "to 999999.999999, with at most 6 decimals",
    ],
    [
      told(CreateLlmRequestSchema, { ...llm, labels: { [`${"k".repeat(64)}`]: "", constructor: "" } }),
      `labels["${"k".repeat(64)}"]: its name must be at most 63 characters; ` +
        'labels["constructor"]: its name must be none of __proto__, constructor, prototype',
    ],
    [
      told(CreateLlmRequestSchema, {
        ...llm,
        labels: Object.fromEntries(Array.from("abcdefghijklmnopqrstu", (k) => [k, ""])),
      }),
      "labels: must have at most 20 entries",
    ],
    [
      told(CreateLlmRequestSchema, { ...llm, llmId: "gpt" }),
      "llm_id: must be a UUID, such as 6f8b7c1e-3f0a-4b8e-9d65-0c1f5a2b3c4d",
    ],
    [
      told(CreateLlmRequestSchema, { ...llm, defaultSamplingParams: { temperature: 3, maxTokens: 0, topP: 2 } }),
      "default_sampling_params.max_tokens: must be 1 or more; default_sampling_params.temperature: must be from 0 to 2; " +
        "default_sampling_params.top_p: must be from 0 to 1",
    ],
    [
      told(CreateLlmRequestSchema, { ...llm, supportedModalities: [1, 1] }),
      "supported_modalities: must not have the same twice",
    ],
    [told(CreateLlmRequestSchema, { ...llm, credentials: {} }), "credentials.api_key: must be given"],
    [
      told(CreateLlmRequestSchema, { ...llm, credentials: { apiKey: {} } }),
      "credentials.api_key: must have `inline_secret` or `secret_ref`",
    ],
    [told(GetLlmRequestSchema, {}), "llm_id: must not be missing or empty"],
    [
      told(TestConnectionRequestSchema, {}),
      `provider_type: is required without an llm_id: ${PROVIDER_TYPES}; model_identifier: is required without an llm_id`,
    ],
    [told(UpdateLlmRequestSchema, { llmId: "x", displayName: "" }), "display_name: must not be missing or empty"],
    [told(ChatRequestSchema, {}), "messages: must be given, or else `message`"],
    [
      told(ChatRequestSchema, { message: "x", messages: [{ role: 2, content: "x" }] }),
      "messages: excludes `message`, give only one of them",
    ],
    [
      told(ChatRequestSchema, { message: "x", responseFormat: { type: 3 } }),
      "give json_schema with JSON_SCHEMA, and only then",
    ],
    [
      told(SetBudgetRequestSchema, {}),
      'period: must be one of DAY, MONTH, TOTAL; amount_usd: must be given, such as "25"; for a budget that lets ' +
        'nothing be spent, "0"',
    ],
    [
      told(CreateApiKeyRequestSchema, { displayName: "x", role: 1, importedSecret: "short" }),
      "imported_secret: must have 20 to 256 characters, all of them printable and ASCII, and no spaces",
    ],
    [
      told(CreateRouteRequestSchema, {}),
      "name: must be lower-case letters, digits, dots, underscores, hyphens and slashes, and begin with a letter or " +
        "digit, such as claude-team or openai/gpt-4o; tiers: must have at least 1 item",
    ],
  ])("%s", (sentence, expected) => expect(sentence).toBe(expected));

  it("names the field of a rule of the whole message", () => {
    const fields = (() => {
      try {
        check(ChatRequestSchema, create(ChatRequestSchema, { message: "x", responseFormat: { type: 3 } }));
      } catch (error) {
        return (error as Fault).facts.fields;
      }
    })();
    expect(fields).toEqual([
      { field: "response_format.json_schema", description: "give json_schema with JSON_SCHEMA, and only then" },
    ]);
  });
});

/** The messages that callers send, and those inside of them. */
function requests(): ReadonlySet<DescMessage> {
  const all = new Set<DescMessage>();
  const add = (desc: DescMessage): void => {
    if (all.has(desc)) return;
    all.add(desc);
    for (const { message } of desc.fields) if (message) add(message);
  };
  const services = [...SERVICES, ...DIALECT_SERVICES];
  for (const { methods } of services) for (const { input } of methods) add(input);
  return all;
}

function patternsOf(field: DescField): string[] {
  const found: string[] = [];
  const add = (rules: FieldRules | undefined): void => {
    const type = rules?.type;
    if (type?.case === "string" && type.value.pattern) found.push(type.value.pattern);
    if (type?.case === "repeated") add(type.value.items);
    if (type?.case === "map") for (const one of [type.value.keys, type.value.values]) add(one);
  };
  if (hasOption(field, rulesOf)) add(getOption(field, rulesOf) as FieldRules);
  return found;
}

describe("the patterns of the contract", () => {
  const patterns = [...new Set([...requests()].flatMap(({ fields }) => fields.flatMap(patternsOf)))];

  it("are found", () => expect(patterns.length).toBeGreaterThan(10));

  it.each(patterns)("%s has words, with an example that keeps it", (pattern) => {
    const message = `does not match regex pattern \`${pattern}\``;
    const violation = { ruleId: "string.pattern", message, field: [], rule: [], forKey: false };
    const { description } = describeViolation(CreateLlmRequestSchema, violation as never);
    expect(description).not.toContain(pattern);
    const examples = [...description.matchAll(/(?:such as|look like) "?([^\s",:]+(?::\/\/\w+)?)/g)].map(
      ([, one]) => one,
    );
    const known = description.includes("as GET /v1/apiKeys lists them") ? ["0123456789abcdef"] : examples;
    expect(known.at(-1)).toMatch(new RegExp(pattern));
  });
});
