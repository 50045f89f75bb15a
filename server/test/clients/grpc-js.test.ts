import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import { says, saysSlowly } from "../upstream/behaviours.ts";
import { errorInfoOf, GrpcJsClient, type Plain } from "./grpc-js-client.ts";
import { type Rig, startRig } from "./rig.ts";

let rig: Rig;
let llms: GrpcJsClient;
let chat: GrpcJsClient;
beforeAll(async () => {
  rig = await startRig();
  llms = new GrpcJsClient("patchbay.v1.LlmService", rig.address, rig.apiKey);
  chat = new GrpcJsClient("patchbay.v1.ChatService", rig.address, rig.apiKey);
});
afterAll(async () => {
  llms.close();
  chat.close();
  await rig.stop();
});

/** A request for an Llm whose endpoint is the scripted upstream, which behaves as the model is called. */
function llmRequest(modelIdentifier = `model-${randomUUID()}`) {
  const { endpointUrl } = rig;
  return { displayName: "From grpc-js", providerType: "VLLM", endpointUrl, modelIdentifier };
}

/** The id of a new Llm; its key makes that its connection is like no other. */
async function createLlm(modelIdentifier?: string): Promise<string> {
  const credentials = { apiKey: { inlineSecret: randomUUID() } };
  const { messages } = await llms.unary("CreateLlm", { ...llmRequest(modelIdentifier), credentials });
  return messages[0].llm.llmId;
}

/** The name of a model that behaves so. */
function modelThat(behaviour: Parameters<Rig["upstream"]["setModel"]>[1]): string {
  const model = `model-${randomUUID()}`;
  rig.upstream.setModel(model, behaviour);
  return model;
}

function wordsOf(messages: readonly Plain[]): string[] {
  return messages.filter(({ event }) => event === "textDelta").map(({ textDelta }) => textDelta);
}

function isWord({ event }: Plain): boolean {
  return event === "textDelta";
}

/** The parts of an answer that a refused call has. */
function refusal(code: string, message: unknown = expect.any(String)) {
  return { code, message, messages: [] };
}

/** How long until the upstream's connection was closed, which its request of that index had. */
async function msUntilClosed(index: number, since: number): Promise<number> {
  const { closedAt = Number.POSITIVE_INFINITY } = await rig.upstream.whenClosed(index);
  return closedAt - since;
}

describe("the registry", () => {
  it("creates, gets and lists", async () => {
    const request = { ...llmRequest(), labels: { team: "ai" }, clientConfig: { fields: { n: { numberValue: 1 } } } };
    const created = await llms.unary("CreateLlm", request);
    expect(created).toMatchObject({ code: "OK", messages: [{ llm: { ...request, ownerId: rig.accountId } }] });

    const { llmId } = created.messages[0].llm;
    expect(await llms.unary("GetLlm", { llmId })).toMatchObject({ messages: [{ llm: { llmId, status: "UNTESTED" } }] });

    const listed = await llms.unary("ListLlms", { search: request.modelIdentifier });
    expect(listed.messages[0].llms.map((llm: Plain) => llm.llmId)).toEqual([llmId]);
  });

  it("refuses a duplicate, with the id of the first in grpc-status-details-bin", async () => {
    const request = llmRequest();
    const { messages } = await llms.unary("CreateLlm", request);
    const second = await llms.unary("CreateLlm", request);
    expect(second).toMatchObject(refusal("ALREADY_EXISTS"));
    expect(errorInfoOf(second)).toMatchObject({
      reason: "LLM_DUPLICATE",
      domain: "patchbay",
      metadata: { llmId: messages[0].llm.llmId, sameRequest: "true" },
    });
  });

  it("refuses a key that is not valid", async () => {
    const stranger = new GrpcJsClient("patchbay.v1.LlmService", rig.address, "pb_live_nonsense");
    const refused = await stranger.unary("ListLlms", {});
    stranger.close();
    expect(refused).toMatchObject(refusal("UNAUTHENTICATED"));
    expect(errorInfoOf(refused)?.reason).toBe("API_KEY_REFUSED");
  });
});

describe("a message over the limit", () => {
  it("is refused, and its connection still has all of its 100 streams", async () => {
    const wordy = new GrpcJsClient("patchbay.v1.LlmService", rig.address, rig.apiKey);
    const huge = { ...llmRequest(), description: "x".repeat(5_000_000) };
    for (let n = 0; n < 100; n++) {
      expect(await wordy.unary("CreateLlm", huge)).toMatchObject(refusal("RESOURCE_EXHAUSTED"));
    }
    expect((await wordy.unary("ListLlms", {}, { deadline: Date.now() + 2_000 })).code).toBe("OK");
    wordy.close();
  });
});

describe("a chat", () => {
  it("streams token by token", async () => {
    const llmId = await createLlm(modelThat(saysSlowly(100, "one ", "two ", "three")));
    const stream = chat.stream("StreamChat", { llmId, message: "Hi" });
    const { code, messages } = await stream.ended;
    expect([code, wordsOf(messages)]).toEqual(["OK", ["one ", "two ", "three"]]);
    expect(messages.map(({ event }) => event)).toEqual(["start", "textDelta", "textDelta", "textDelta", "end"]);
    expect(messages.at(-1).end).toMatchObject({ stopReason: "STOP_REASON_END", usage: { outputTokens: "3" } });
    const [, first = 0, , third = 0] = stream.times;
    expect(third - first).toBeGreaterThan(40);
  });

  it("closes the upstream when the deadline has passed", async () => {
    const llmId = await createLlm("silent");
    const index = rig.upstream.requests.length;
    const startedAt = Date.now();
    const late = await chat.unary("Chat", { llmId, message: "Hi" }, { deadline: startedAt + 300 });
    expect(late).toMatchObject(refusal("DEADLINE_EXCEEDED"));
    expect(Date.now() - startedAt).toBeLessThan(1_300);
    expect(await msUntilClosed(index, startedAt)).toBeLessThan(1_300);
  });

  it("ends by the server's own watch when the client only says grpc-timeout", async () => {
    const llmId = await createLlm("silent");
    const metadata = new grpc.Metadata();
    metadata.set("grpc-timeout", "300m");
    const late = await chat.unary("Chat", { llmId, message: "Hi" }, { metadata });
    expect(late).toMatchObject(refusal("DEADLINE_EXCEEDED"));
    expect(errorInfoOf(late)?.reason).toBe("DEADLINE_PASSED");
  });

  it("goes on while keepalive pings come every 100 ms", async () => {
    const eager = new GrpcJsClient("patchbay.v1.ChatService", rig.address, rig.apiKey, {
      "grpc.keepalive_time_ms": 100,
      "grpc.keepalive_timeout_ms": 500,
      "grpc.keepalive_permit_without_calls": 1,
    });
    const words = Array.from({ length: 8 }, (_, n) => `${n} `);
    const llmId = await createLlm(modelThat(saysSlowly(150, ...words)));
    const { code, messages } = await eager.stream("StreamChat", { llmId, message: "Hi" }).ended;
    eager.close();
    expect([code, wordsOf(messages)]).toEqual(["OK", words]);
  });
});

describe("health", () => {
  let health: GrpcJsClient;
  beforeAll(() => {
    health = new GrpcJsClient("grpc.health.v1.Health", rig.address, rig.apiKey);
  });
  afterAll(() => health.close());

  it.each(["", "patchbay.v1.LlmService", "patchbay.v1.ChatService"])("of '%s' is SERVING", async (service) => {
    expect(await health.unary("Check", { service })).toMatchObject({ code: "OK", messages: [{ status: "SERVING" }] });
  });

  it("of a service that is not here is NOT_FOUND", async () => {
    expect(await health.unary("Check", { service: "other" })).toMatchObject(refusal("NOT_FOUND"));
  });

  it("asks for no key", async () => {
    const anyone = new GrpcJsClient("grpc.health.v1.Health", rig.address, "");
    expect((await anyone.unary("Check", { service: "" })).code).toBe("OK");
    anyone.close();
  });
});

describe("metadata", () => {
  it("of 8 KiB, which gRPC's peers count on, is accepted", async () => {
    const metadata = new grpc.Metadata();
    metadata.set("x-large", "x".repeat(8 * 1024 - 200));
    expect((await llms.unary("ListLlms", {}, { metadata })).code).toBe("OK");
  });

  it("of 64 KiB is refused, and the next call is answered", async () => {
    const metadata = new grpc.Metadata();
    metadata.set("x-large", "x".repeat(64 * 1024));
    expect((await llms.unary("ListLlms", {}, { metadata })).code).not.toBe("OK");
    expect((await llms.unary("ListLlms", {})).code).toBe("OK");
  });
});

/** https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md, said with our own rpcs. */
describe("gRPC interop", () => {
  it("empty_unary: an empty request and an empty answer", async () => {
    const { apiKey } = await rig.server.addAccount("OWNER");
    const fresh = new GrpcJsClient("patchbay.v1.LlmService", rig.address, apiKey);
    const { code, messages } = await fresh.unary("ListLlms", {});
    fresh.close();
    expect([code, messages]).toEqual(["OK", [{}]]);
  });

  it("large_unary: 271,828 bytes there and 314,159 bytes back", async () => {
    const llmId = await createLlm(modelThat(says("y".repeat(314_159))));
    const { code, messages } = await chat.unary("Chat", { llmId, message: "x".repeat(271_828) });
    expect([code, messages[0].message.content.length]).toEqual(["OK", 314_159]);
    expect(rig.upstream.requests.at(-1)?.text).toContain("x".repeat(271_828));
  });

  it("client_compressed_unary: a request in gzip", async () => {
    const gzip = { "grpc.default_compression_algorithm": grpc.compressionAlgorithms.gzip };
    const packed = new GrpcJsClient("patchbay.v1.ChatService", rig.address, rig.apiKey, gzip);
    const llmId = await createLlm();
    const { code } = await packed.unary("Chat", { llmId, message: "x".repeat(271_828) });
    packed.close();
    expect(code).toBe("OK");
    expect(rig.upstream.requests.at(-1)?.text).toContain("x".repeat(271_828));
  });

  it("server_streaming: messages of 31,415, 9, 2,653 and 58,979 bytes, in order", async () => {
    const sizes = [31_415, 9, 2_653, 58_979];
    const llmId = await createLlm(modelThat(saysSlowly(100, ...sizes.map((size) => "z".repeat(size)))));
    const { code, messages } = await chat.stream("StreamChat", { llmId, message: "Hi" }).ended;
    expect([code, wordsOf(messages).map(({ length }) => length)]).toEqual(["OK", sizes]);
  });

  it.each([
    { name: "empty_stream", symbols: [] },
    { name: "ping_pong", symbols: ["patchbay.v1.Llm", "patchbay.v1.Nothing", "patchbay.v1.ChatService"] },
  ])("$name: reflection answers to each request before the next, and ends when they do", async ({ symbols }) => {
    const call = llms.client.makeBidiStreamRequest(
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      (request: ServerReflectionRequest) => Buffer.from(toBinary(ServerReflectionRequestSchema, request)),
      (bytes: Buffer) => fromBinary(ServerReflectionResponseSchema, bytes),
      new grpc.Metadata(),
    );
    const answers: string[] = [];
    const ended = once(call, "status");
    call.on("data", ({ messageResponse }) => answers.push(messageResponse.case));
    for (const value of symbols) {
      const answered = once(call, "data");
      call.write(create(ServerReflectionRequestSchema, { messageRequest: { case: "fileContainingSymbol", value } }));
      await answered;
    }
    call.end();
    const [{ code }] = await ended;
    expect(grpc.status[code]).toBe("OK");
    expect(answers).toEqual(
      symbols.map((symbol) => (symbol.endsWith("Nothing") ? "errorResponse" : "fileDescriptorResponse")),
    );
  });

  it("cancel_after_begin: CANCELLED, and the upstream is closed within 1 s", async () => {
    const llmId = await createLlm("silent");
    const index = rig.upstream.requests.length;
    const stream = chat.stream("StreamChat", { llmId, message: "Hi" });
    await rig.upstream.whenRequested(index);
    stream.cancel();
    expect(await stream.ended).toMatchObject(refusal("CANCELLED"));
    expect(await msUntilClosed(index, Date.now())).toBeLessThan(1_000);
  });

  it("cancel_after_first_response: CANCELLED, and the upstream is closed within 1 s", async () => {
    const llmId = await createLlm("stalling");
    const index = rig.upstream.requests.length;
    const stream = chat.stream("StreamChat", { llmId, message: "Hi" });
    stream.cancelAfter(isWord);
    expect((await stream.ended).code).toBe("CANCELLED");
    expect(await msUntilClosed(index, Date.now())).toBeLessThan(1_000);
  });

  it("timeout_on_sleeping_server: DEADLINE_EXCEEDED within the 1 ms that the call had", async () => {
    const llmId = await createLlm("silent");
    const stream = chat.stream("StreamChat", { llmId, message: "Hi" }, { deadline: Date.now() + 1 });
    expect(await stream.ended).toMatchObject(refusal("DEADLINE_EXCEEDED"));
  });

  it.each([
    { name: "unimplemented_method", path: "/patchbay.v1.LlmService/UnimplementedCall" },
    { name: "unimplemented_service", path: "/patchbay.v1.UnimplementedService/UnimplementedCall" },
  ])("$name: UNIMPLEMENTED", async ({ path }) => {
    const status = await new Promise<grpc.StatusObject>((resolve) => {
      const bytes = (value: Buffer) => value;
      llms.client.makeUnaryRequest(path, bytes, bytes, Buffer.alloc(0), () => {}).on("status", resolve);
    });
    expect(grpc.status[status.code]).toBe("UNIMPLEMENTED");
  });

  it("status_code_and_message: of a single answer and of a stream, as the server says them", async () => {
    const llmId = randomUUID();
    const expected = refusal("NOT_FOUND", `there is no llm ${llmId}`);
    expect(await llms.unary("GetLlm", { llmId })).toMatchObject(expected);
    expect(await chat.stream("StreamChat", { llmId, message: "Hi" }).ended).toMatchObject(expected);
  });

  it("special_status_message: whitespace, and Unicode in and beyond the BMP", async () => {
    const llmId = await createLlm();
    const etag = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    const refused = await llms.unary("UpdateLlm", { llmId, etag, description: "new" });
    const message = `llm ${llmId} has changed since ${etag}; get it again and repeat the change`;
    expect(refused).toMatchObject(refusal("ABORTED", message));
    expect(errorInfoOf(refused)?.reason).toBe("ETAG_MISMATCH");
  });

  it("custom_metadata: of any kind is accepted, and x-request-id comes back", async () => {
    const metadata = () => {
      const sent = new grpc.Metadata();
      sent.set("x-grpc-test-echo-initial", "test_initial_metadata_value");
      sent.set("x-grpc-test-echo-trailing-bin", Buffer.from([0xab, 0xab, 0xab]));
      return sent;
    };
    const llmId = await createLlm();
    const outcomes = [
      await llms.unary("GetLlm", { llmId }, { metadata: metadata() }),
      await chat.stream("StreamChat", { llmId, message: "Hi" }, { metadata: metadata() }).ended,
    ];
    const ids = outcomes.map(({ headers }) => headers.get("x-request-id")[0]);
    expect(outcomes.map(({ code }) => code)).toEqual(["OK", "OK"]);
    expect(rig.server.log.map(({ facts }) => facts.requestId)).toEqual(expect.arrayContaining(ids));
    expect(new Set(ids).size).toBe(2);
  });

  it("concurrent_large_unary: 50 at once on one connection", async () => {
    const llmId = await createLlm(modelThat(says("y".repeat(100_000))));
    const calls = Array.from({ length: 50 }, () => chat.unary("Chat", { llmId, message: "x".repeat(50_000) }));
    const outcomes = (await Promise.all(calls)).map(({ code, messages }) => [
      code,
      messages[0]?.message.content.length,
    ]);
    expect(outcomes).toEqual(Array.from({ length: 50 }, () => ["OK", 100_000]));
  });
});
