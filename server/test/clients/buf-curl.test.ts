import { randomUUID } from "node:crypto";
import { fromBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { saysSlowly } from "../upstream/behaviours.ts";
import { type Ran, run } from "./program.ts";
import { type Rig, startRig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.stop());

function llmRequest(modelIdentifier = `model-${randomUUID()}`) {
  return { displayName: "From buf curl", providerType: "VLLM", endpointUrl: rig.endpointUrl, modelIdentifier };
}

/** It knows no proto: what there is to call, it learns from the server. */
describe.each(["grpc", "grpcweb", "connect"])("buf curl over %s", (protocol) => {
  function bufCurl(url: string, ...more: string[]): Promise<Ran> {
    const authorization = `Authorization: Bearer ${rig.apiKey}`;
    // Reflection is a stream in both directions, which only HTTP/2 has.
    return run("buf", ["curl", "--protocol", protocol, "--http2-prior-knowledge", "-H", authorization, ...more, url]);
  }

  /** Calls an rpc; the answers are its messages. */
  async function call(rpc: string, request: object) {
    const ran = await bufCurl(`${rig.server.url}/patchbay.v1.${rpc}`, "-d", JSON.stringify(request));
    return { ...ran, messages: readMessages(ran.stdout) };
  }

  it("lists the services and the methods", async () => {
    const services = await bufCurl(rig.server.url, "--list-services");
    expect(services.stdout.trim().split("\n")).toEqual(
      expect.arrayContaining(["grpc.health.v1.Health", "patchbay.v1.ChatService", "patchbay.v1.LlmService"]),
    );
    const methods = await bufCurl(rig.server.url, "--list-methods");
    expect(methods.stdout.trim().split("\n")).toEqual(
      expect.arrayContaining([
        "patchbay.v1.ChatService/Chat",
        "patchbay.v1.ChatService/StreamChat",
        "patchbay.v1.LlmService/CreateLlm",
        "patchbay.v1.LlmService/GetLlm",
        "patchbay.v1.LlmService/ListLlms",
      ]),
    );
  });

  it("creates, gets and lists", async () => {
    const request = llmRequest();
    const created = await call("LlmService/CreateLlm", request);
    expect(created).toMatchObject({ exitCode: 0, messages: [{ llm: request }] });

    const { llmId } = created.messages[0].llm;
    expect((await call("LlmService/GetLlm", { llmId })).messages).toMatchObject([{ llm: request }]);
    const { messages } = await call("LlmService/ListLlms", { search: request.modelIdentifier });
    expect(messages).toMatchObject([{ llms: [{ llmId }] }]);
  });

  it("is refused a duplicate, with the reason", async () => {
    const request = llmRequest();
    await call("LlmService/CreateLlm", request);
    const { exitCode, stderr } = await call("LlmService/CreateLlm", request);
    // The code of the error, times eight.
    expect(exitCode).toBe(6 * 8);
    const { code, details } = JSON.parse(stderr);
    expect(code).toBe("already_exists");
    expect(details[0].type).toBe("google.rpc.ErrorInfo");
    expect(fromBinary(ErrorInfoSchema, Buffer.from(details[0].value, "base64")).reason).toBe("LLM_DUPLICATE");
  });

  it("streams a chat", async () => {
    const model = `stream-${randomUUID()}`;
    rig.upstream.setModel(model, saysSlowly(100, "one ", "two ", "three"));
    const { messages: created } = await call("LlmService/CreateLlm", llmRequest(model));
    const { llmId } = created[0].llm;
    expect((await call("ChatService/StreamChat", { llmId, message: "Hi" })).messages).toMatchObject([
      { start: { llmId } },
      { textDelta: "one " },
      { textDelta: "two " },
      { textDelta: "three" },
      { end: { stopReason: "STOP_REASON_END" } },
    ]);
  });
});

/** It prints one message after the other, each on several lines. */
// biome-ignore lint/suspicious/noExplicitAny: whatever JSON came.
function readMessages(text: string): any[] {
  return text
    .split(/(?<=^\})\n/m)
    .filter((json) => json !== "")
    .map((json) => JSON.parse(json));
}
