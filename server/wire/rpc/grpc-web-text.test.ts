import { randomUUID } from "node:crypto";
import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StreamChatRequestSchema, StreamChatResponseSchema } from "../../../gen/patchbay/v1/chat_service_pb.ts";
import {
  CreateLlmRequestSchema,
  CreateLlmResponseSchema,
  GetLlmRequestSchema,
} from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { llmRequest } from "../../test/service/llm-requests.ts";
import { saysSlowly } from "../../test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";

let upstream: ScriptedUpstream;
let server: TestServer;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

interface Frame {
  readonly flags: number;
  readonly data: Buffer;
}

function envelope(data: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(data.length, 1);
  return Buffer.concat([head, data]);
}

/** As a client of gRPC-Web in text mode reads: each piece of base64 has its own padding. */
function readFrames(text: string): Frame[] {
  let bytes = Buffer.concat((text.match(/[^=]+=*/g) ?? []).map((piece) => Buffer.from(piece, "base64")));
  const frames: Frame[] = [];
  while (bytes.length > 0) {
    const end = 5 + bytes.readUInt32BE(1);
    frames.push({ flags: bytes[0] ?? 0, data: bytes.subarray(5, end) });
    bytes = bytes.subarray(end);
  }
  return frames;
}

function post(path: string, body: string, type = "application/grpc-web-text"): Promise<Response> {
  const headers = { authorization: `Bearer ${server.adminKey}`, "content-type": type, "x-grpc-web": "1" };
  return fetch(`${server.url}/patchbay.v1.${path}`, { method: "POST", headers, body });
}

function encode<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>): string {
  return envelope(toBinary(desc, message)).toString("base64");
}

async function createLlm(modelIdentifier = randomUUID()): Promise<string> {
  const request = create(CreateLlmRequestSchema, llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier }));
  const answer = await post("LlmService/CreateLlm", encode(CreateLlmRequestSchema, request));
  expect(answer.headers.get("content-type")).toBe("application/grpc-web-text+proto");
  const [message, trailer] = readFrames(await answer.text());
  expect(trailer).toMatchObject({ flags: 0x80 });
  expect(trailer?.data.toString()).toContain("grpc-status: 0");
  return fromBinary(CreateLlmResponseSchema, message?.data ?? Buffer.alloc(0)).llm?.llmId ?? "";
}

describe("gRPC-Web in text", () => {
  it("answers a call", async () => expect(await createLlm()).toMatch(/^[0-9a-f-]{36}$/));

  it("streams, each message as a text that can be read when it comes", async () => {
    const model = randomUUID();
    upstream.setModel(model, saysSlowly(100, "one ", "two ", "three"));
    const request = create(StreamChatRequestSchema, { llmId: await createLlm(model), message: "Hi" });
    const answer = await post("ChatService/StreamChat", encode(StreamChatRequestSchema, request));
    const texts: string[] = [];
    const decoder = new TextDecoder();
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) texts.push(decoder.decode(chunk));
    expect(texts.length).toBeGreaterThan(2);
    for (const text of texts) expect(text).toMatch(/^([\w+/]{4})*([\w+/]{2}==|[\w+/]{3}=)?/);
    const frames = texts.flatMap(readFrames);
    const events = frames
      .filter(({ flags }) => flags === 0)
      .map(({ data }) => fromBinary(StreamChatResponseSchema, data));
    const said = events.flatMap(({ event }) => (event.case === "textDelta" ? event.value : []));
    expect(said.join("")).toBe("one two three");
    expect(frames.at(-1)?.flags).toBe(0x80);
  });

  it("tells of an error in its trailer", async () => {
    const request = create(GetLlmRequestSchema, { llmId: randomUUID() });
    const [trailer] = readFrames(await (await post("LlmService/GetLlm", encode(GetLlmRequestSchema, request))).text());
    expect(trailer?.flags).toBe(0x80);
    expect(trailer?.data.toString()).toMatch(/grpc-status: 5\r\n/);
  });

  it("takes a body of several texts in a row", async () => {
    const bytes = envelope(toBinary(GetLlmRequestSchema, create(GetLlmRequestSchema, { llmId: await createLlm() })));
    const body = bytes.subarray(0, 4).toString("base64") + bytes.subarray(4).toString("base64");
    const frames = readFrames(await (await post("LlmService/GetLlm", body, "application/grpc-web-text+proto")).text());
    expect(frames.map(({ flags }) => flags)).toEqual([0, 0x80]);
  });

  it.each([
    ["what is no base64", "{}", /grpc-status: 3/],
    ["half an envelope", "AAAA", /grpc-status: 3/],
    ["nothing", "", /grpc-status: 3/],
  ])("refuses %s", async (_, body, status) => {
    const frames = readFrames(await (await post("LlmService/GetLlm", body)).text());
    expect(frames.at(-1)?.data.toString()).toMatch(status);
  });
});
