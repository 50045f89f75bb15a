import { expect, it } from "vitest";
import { Llm_ProviderTypeSchema } from "../../../gen/patchbay/v1/llm_pb.ts";
import { providers } from "./provider-types.ts";

it("are those of the contract", () => {
  const inContract = Llm_ProviderTypeSchema.values
    .filter(({ number }) => number !== 0)
    .map(({ localName }) => localName);
  const advice = "a provider type is a value of Llm.ProviderType and a row of provider-types.ts, by the same name";
  expect(Object.keys(providers).sort(), advice).toEqual(inContract.sort());
});
