import { describe, expect, it } from "vitest";
import { SERVICES } from "../../service/services.ts";
import { jsonNamesOf } from "./json-names.ts";

const rename = jsonNamesOf(SERVICES.map(({ file }) => file));

describe("names in a sentence for callers in JSON", () => {
  it.each([
    ["model_identifier: must not be missing or empty", "modelIdentifier: must not be missing or empty"],
    ["no llm_id was given and …", "no llmId was given and …"],
    ["credentials.api_key.secret_ref.uri", "credentials.apiKey.secretRef.uri"],
    ["messages[0].tool_calls[1].name", "messages[0].toolCalls[1].name"],
    ['labels["llm_id"]: is too long', 'labels["llm_id"]: is too long'],
    ["client_config.api_key: is no parameter", "clientConfig.api_key: is no parameter"],
    ["there is no gpt_4_turbo", "there is no gpt_4_turbo"],
    ["write https://example.com/v1_beta", "write https://example.com/v1_beta"],
  ])("%s", (sentence, spelled) => expect(rename(sentence)).toBe(spelled));
});
