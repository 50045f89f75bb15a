import { describe, expect, it } from "vitest";
import { configNames as anthropicNames } from "../anthropic/adapter.ts";
import { configNames as openAiNames } from "../openai/adapter.ts";
import { readClientConfig } from "./client-config.ts";

const nothing = { members: {}, headers: {}, unsent: [], refused: undefined };

describe("a client configuration", () => {
  it.each([
    { name: "nothing", config: {}, read: {} },
    {
      name: "parameters",
      config: { seed: 7, logit_bias: { "50256": -100 }, options: { num_ctx: 8192 } },
      read: { members: { seed: 7, logit_bias: { "50256": -100 }, options: { num_ctx: 8192 } } },
    },
    {
      name: "what SDKs wrap",
      config: { extra_body: { enable_thinking: false }, extraHeaders: { "X-Title": "Team" } },
      read: { members: { enable_thinking: false }, headers: { "x-title": "Team" } },
    },
    {
      name: "headers by their names, whatever their case",
      config: { headers: { "OPENAI-Organization": "org-1", "X-Forwarded-For": "1.2.3.4" } },
      read: { headers: { "openai-organization": "org-1" }, unsent: ["headers.X-Forwarded-For"] },
    },
    {
      name: "what is not known",
      config: { timeout: 30, extra_body: { future: true }, headers: "none" },
      read: { unsent: ["timeout", "extra_body.future", "headers"] },
    },
    {
      name: "a schema, whatever its properties are called",
      config: { response_format: { type: "json_schema", json_schema: { schema: { properties: { url: {} } } } } },
      read: {
        members: { response_format: { type: "json_schema", json_schema: { schema: { properties: { url: {} } } } } },
      },
    },
    {
      name: "no parameter of the other API",
      config: { context_management: {} },
      read: { unsent: ["context_management"] },
    },
  ])("is read: $name", ({ config, read }) => {
    expect(readClientConfig(openAiNames, config)).toEqual({ ...nothing, ...read });
  });

  it("is read by the API", () => {
    const config = { thinking: { type: "enabled" }, seed: 1, headers: { "anthropic-beta": "x", "X-Title": "y" } };
    expect(readClientConfig(anthropicNames, config)).toEqual({
      ...nothing,
      members: { thinking: { type: "enabled" } },
      headers: { "anthropic-beta": "x" },
      unsent: ["seed", "headers.X-Title"],
    });
  });

  it.each([
    ...["base_url", "api_base", "baseURL", "url", "host", "endpoint", "proxy", "authorization", "api_key", "apiKey"],
    ...["API-KEY", "model", "messages", "stream", "stream_options", "fallbacks"],
  ])("is refused: %s", (name) => {
    expect(readClientConfig(openAiNames, { [name]: "x" })).toEqual({ ...nothing, refused: name });
    expect(readClientConfig(openAiNames, { extra_body: { [name]: "x" } }).refused).toBe(`extra_body.${name}`);
    const nested = { provider: { order: [{ [name]: "x" }] } };
    expect(readClientConfig(openAiNames, nested)).toEqual({ ...nothing, refused: `provider.order[0].${name}` });
    expect(readClientConfig(openAiNames, { unknown: { deep: { [name]: 1 } } }).refused).toBe(`unknown.deep.${name}`);
  });

  it.each([
    { name: "Authorization", value: "Bearer x" },
    { name: "X-Api-Key", value: "x" },
    { name: "Host", value: "evil.example" },
    { name: "Cookie", value: "a=b" },
    { name: "X-Title", value: "a\r\nX-Api-Key: b" },
    { name: "X-Title", value: 7 },
  ])("is refused: the header $name of $value", ({ name, value }) => {
    expect(readClientConfig(openAiNames, { headers: { [name]: value } })).toEqual({
      ...nothing,
      refused: `headers.${name}`,
    });
  });

  it("is refused: a schema that is none of an answer's", () => {
    expect(readClientConfig(openAiNames, { extra_body: { schema: { url: 1 } } }).refused).toBe("extra_body.schema.url");
  });
});
