import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Target } from "../models/provider-types.ts";
import { APIS, type ApiName } from "./apis.ts";
import { readMembers } from "./json-members.ts";
import { editRequest, refusedMember } from "./request.ts";

const target: Target = {
  ownerId: "o",
  providerType: "CUSTOM_OPENAI_COMPATIBLE",
  endpointUrl: "https://x.example/v1",
  apiPath: "/chat/completions",
  model: "true-model",
  apiKey: undefined,
};

function edited(body: string, { api = "chat-completions" as ApiName, at = {}, defaults = {} } = {}) {
  const members = readMembers(Buffer.from(body));
  if (!members) throw new Error("it is an object");
  const { bytes, ...rest } = editRequest(APIS[api], { ...target, ...at }, members, defaults);
  return { text: bytes.toString(), ...rest };
}

describe("a request that is passed through", () => {
  it("keeps every byte but the name of the model", () => {
    const values = fc.jsonValue().map((value) => JSON.stringify(value, undefined, 1));
    const names = fc.string().filter((name) => !["model", "stream", "stream_options"].includes(name));
    fc.assert(
      fc.property(fc.array(fc.tuple(names, values)), fc.nat(), (all, at) => {
        const parts = all.map(([name, value]) => `${JSON.stringify(name)} : ${value}`);
        const withModel = (model: string) =>
          `{ ${parts.toSpliced(at % (parts.length + 1), 0, `"model": ${model}`).join(" ,\n")} }`;
        expect(edited(withModel('"any \\"name\\""')).text).toBe(withModel('"true-model"'));
      }),
    );
  });

  it("names the model also where it named none, or named it twice, in whatever spelling", () => {
    expect(edited("{}").text).toBe('{"model":"true-model"}');
    expect(edited('{"messages":[]}').text).toBe('{"messages":[],"model":"true-model"}');
    expect(edited('{"model":"a","mod\\u0065l":"b"}').text).toBe('{"model":"true-model","mod\\u0065l":"true-model"}');
  });

  it.each(["Model", "MODEL", "api_base", "base_url", "apiKey", "models", "fallbacks", "extra_headers", "Stream"])(
    "must not say %s",
    (name) => {
      const body = readMembers(Buffer.from(JSON.stringify({ model: "a", messages: [], [name]: 1 })));
      expect(body && refusedMember(body)).toBe(name);
    },
  );

  it("asks for the usage of a stream unless the caller does, and keeps their other options", () => {
    const asked = edited('{"model":"a","stream":true,"x":1}');
    expect(asked.text).toBe('{"model":"true-model","stream":true,"x":1,"stream_options":{"include_usage":true}}');
    expect(asked.asksForUsage).toBe(true);
    const own = '{"model":"true-model","stream":true,"stream_options":{"include_usage":true, "y":1}}';
    expect(edited(own)).toMatchObject({ text: own, asksForUsage: false });
    expect(edited('{"model":"a","stream":true,"stream_options":{"y":1}}').text).toContain(
      '{"y":1,"include_usage":true}',
    );
    expect(edited('{"model":"a","stream":false}').text).toBe('{"model":"true-model","stream":false}');
  });

  it("has the Llm's defaults where the caller said nothing", () => {
    const defaults = { temperature: 0.5, maxTokens: 7 };
    expect(JSON.parse(edited('{"model":"a"}', { defaults }).text)).toEqual({
      model: "true-model",
      temperature: 0.5,
      max_tokens: 7,
    });
    const said = '{"model":"true-model","max_completion_tokens":3,"temperature":0}';
    expect(edited(said, { defaults }).text).toBe(said);
  });

  it("has no temperature of the Llm's beside thinking, nor beside a top_p, in Messages", () => {
    const at = { providerType: "ANTHROPIC", apiPath: "/messages", model: "claude-3" };
    const defaults = { temperature: 0.5 };
    for (const said of ['"thinking":{"type":"enabled"}', '"top_p":0.9', '"temperature":1']) {
      const body = `{"model":"claude-3",${said}}`;
      expect(edited(body, { api: "messages", at, defaults }).text).toBe(body);
    }
    expect(edited('{"model":"claude-3"}', { api: "messages", at, defaults }).text).toBe(
      '{"model":"claude-3","temperature":0.5}',
    );
  });

  it("loses the sampling parameters that the model is known not to take, and says which", () => {
    const at = { takesSampling: false };
    const { text, dropped } = edited('{"temperature":0,"model":"true-model","top_p":1,"top_k":2}', { at });
    expect(text).toBe('{"model":"true-model"}');
    expect(dropped).toEqual(["temperature", "top_p", "top_k"]);
  });
});

describe("the path of an API", () => {
  it.each([
    { api: "responses", providerType: "OPENAI", apiPath: "/chat/completions", path: "/responses" },
    { api: "responses", providerType: "VLLM", apiPath: "/chat/completions", path: undefined },
    { api: "responses", providerType: "CUSTOM_OPENAI_COMPATIBLE", apiPath: "/v2/responses", path: "/v2/responses" },
    { api: "chat-completions", providerType: "ANTHROPIC", apiPath: "/messages", path: undefined },
    { api: "embeddings", providerType: "OLLAMA", apiPath: "/chat/completions", path: "/embeddings" },
    { api: "messages", providerType: "ANTHROPIC", apiPath: "/messages", path: "/messages" },
    { api: "count-tokens", providerType: "ANTHROPIC", apiPath: "/messages", path: "/messages/count_tokens" },
  ] as const)("of $api at $providerType with $apiPath is $path", ({ api, providerType, apiPath, path }) => {
    expect(APIS[api].pathAt({ providerType, apiPath })).toBe(path);
  });
});
