import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readModelInfo } from "./litellm.ts";

const fixture = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/litellm-model-info.json"), "utf8"));
const nothing = {
  maxContextLength: undefined,
  supportsFunctionCalling: undefined,
  supportsSamplingParameters: undefined,
  inputModalities: undefined,
  price: undefined,
};

it("says of each model what all its deployments say", () => {
  expect(Object.fromEntries(readModelInfo(fixture))).toEqual({
    "gpt-4o": {
      maxContextLength: 64_000,
      supportsFunctionCalling: true,
      // Its list has a temperature and no top_p, as it has of models that take neither.
      supportsSamplingParameters: undefined,
      inputModalities: undefined,
      price: undefined,
    },
    "bedrock-claude": {
      maxContextLength: 200_000,
      supportsFunctionCalling: true,
      supportsSamplingParameters: false,
      inputModalities: ["text", "image"],
      price: undefined,
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
  expect(readModelInfo(body).get("a")).toEqual(nothing);
});

it("says nothing at all of what is no list", () => expect(readModelInfo({ data: "none" }).size).toBe(0));
