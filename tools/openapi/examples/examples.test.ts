import { createRegistry, type DescMethod, fromJson, type JsonObject } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { describe, expect, it } from "vitest";
import { DIALECT_SERVICES } from "../../../server/service/dialects/dialects.ts";
import { SERVICES } from "../../../server/service/services.ts";
import { EXAMPLES } from "./examples.ts";

const methods = new Map<string, DescMethod>(
  [...SERVICES, ...DIALECT_SERVICES].flatMap((service) =>
    service.methods.map((method): [string, DescMethod] => [`${service.name}.${method.name}`, method]),
  ),
);
const validator = createValidator({ registry: createRegistry() });
const requests = Object.entries(EXAMPLES).flatMap(([rpc, of]) =>
  Object.entries(of.requests).map(([name, { value }]) => ({ rpc, name, value })),
);
const answers = Object.entries(EXAMPLES).flatMap(([rpc, of]) =>
  Object.entries(of.responses).map(([name, { value }]) => ({ rpc, name, value })),
);

function methodOf(rpc: string): DescMethod {
  const method = methods.get(rpc);
  if (!method) throw new Error(`there is no ${rpc}`);
  return method;
}

describe("the example", () => {
  it.each(requests)("$name of a request of $rpc is one that the server takes", ({ rpc, value }) => {
    const { input } = methodOf(rpc);
    // What the path gives.
    const inPath = /\.(UpdateLlm|TestLlm|\w+Credentials)$/.test(rpc)
      ? { llmId: "5b1f2a3c-6d7e-4f80-91a2-b3c4d5e6f708" }
      : {};
    const named = rpc.startsWith("ProviderService.") ? { name: "openai" } : {};
    const message = fromJson(input, { ...inPath, ...named, ...value } satisfies JsonObject);
    expect(validator.validate(input, message)).toMatchObject({ kind: "valid" });
  });

  it.each(answers)("$name of an answer of $rpc is one that the server can give", ({ rpc, value }) => {
    const { output } = methodOf(rpc);
    expect(validator.validate(output, fromJson(output, value))).toMatchObject({ kind: "valid" });
  });

  it.each([
    "LlmService.CreateLlm",
    "LlmService.UpdateLlm",
    "LlmService.TestConnection",
    "ChatService.Chat",
    "ChatService.StreamChat",
    "ProviderService.UpsertProvider",
  ])("is there for %s, both ways", (rpc) => {
    expect(requests.filter((one) => one.rpc === rpc)).not.toEqual([]);
    expect(answers.filter((one) => one.rpc === rpc)).not.toEqual([]);
  });
});
