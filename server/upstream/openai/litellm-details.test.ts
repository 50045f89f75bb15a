import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { liteLlmDetails } from "./litellm-details.ts";

const fixture = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/litellm-model-info.json"), "utf8"));
const nothing = {
  maxContextLength: undefined,
  supportsFunctionCalling: undefined,
  supportsSamplingParameters: undefined,
  inputModalities: undefined,
};

it("says of each model what all its deployments say", () => {
  expect(Object.fromEntries(liteLlmDetails.read(fixture))).toEqual({
    "gpt-4o": {
      maxContextLength: 64_000,
      supportsFunctionCalling: true,
      supportsSamplingParameters: true,
      inputModalities: undefined,
    },
    "bedrock-claude": {
      maxContextLength: 200_000,
      supportsFunctionCalling: true,
      supportsSamplingParameters: false,
      inputModalities: ["text", "image"],
    },
    "house-model": nothing,
  });
});

it.each([
  { data: [{ model_name: "a" }, { model_name: "a", model_info: { max_input_tokens: 10 } }] },
  {
    data: [
      { model_name: "a", model_info: { max_input_tokens: "10", supports_vision: 1, supported_openai_params: {} } },
    ],
  },
])("says nothing where one says nothing, or nothing that makes sense: %j", (body) => {
  expect(liteLlmDetails.read(body).get("a")).toEqual(nothing);
});

it("says nothing at all of what is no list", () => expect(liteLlmDetails.read({ data: "none" }).size).toBe(0));
