/** Requests that go on for ever, or stop in the middle: each ends at the deadline of its call. */
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { envelope } from "./bad-rpc.ts";
import { startVictim, type Victim } from "./victim.ts";

/** Far more than the 300 ms that the calls have. */
const PATIENCE_MS = 2_000;
const CREATE_LLM = "/patchbay.v1.LlmService/CreateLlm";

let victim: Victim;
beforeAll(async () => {
  victim = await startVictim();
});
afterAll(() => victim.stop());

interface Way {
  readonly name: string;
  readonly path: string;
  readonly type: string;
  readonly deadline: readonly [name: string, value: string];
  /** How the body begins. */
  readonly body: string | Buffer;
  /** The status, the body and the trailers of the answer. */
  readonly told: RegExp;
}

const half = envelope(0, Buffer.alloc(1), 10_000);
const CONNECT: Way = {
  name: "Connect",
  path: CREATE_LLM,
  type: "application/json",
  deadline: ["connect-timeout-ms", "300"],
  body: "{",
  told: /^504 .*"deadline_exceeded".*"DEADLINE_PASSED"/s,
};
const GRPC: Way = {
  name: "gRPC",
  path: CREATE_LLM,
  type: "application/grpc",
  deadline: ["grpc-timeout", "300m"],
  body: half,
  told: /^200 +grpc-status: 4/,
};
const WAYS: readonly Way[] = [
  CONNECT,
  {
    ...CONNECT,
    name: "Connect's streams",
    path: "/patchbay.v1.ChatService/StreamChat",
    type: "application/connect+json",
    body: half,
    told: /^200 .*"deadline_exceeded".*"DEADLINE_PASSED"/s,
  },
  { ...GRPC, name: "gRPC-Web", type: "application/grpc-web", told: /^200 .*grpc-status: 4/s },
  {
    ...CONNECT,
    name: "REST",
    path: "/v1/llms",
    deadline: ["x-server-timeout", "0.3"],
    told: /^504 .*"DEADLINE_PASSED"/s,
  },
];

function openSession(): ClientHttp2Session {
  const session = connectHttp2(victim.url);
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  return session;
}

/** Opens a call whose body goes on, byte by byte; what came back, and the code with which the stream was closed. */
function callWithoutEnd(
  session: ClientHttp2Session,
  { path, type, deadline: [name, value], body }: Way,
): Promise<{ answer: string; code: number | undefined }> {
  const headers = { authorization: `Bearer ${victim.apiKey}`, "content-type": type, [name]: value };
  const stream = session.request({ ":method": "POST", ":path": path, ...headers });
  stream.write(body);
  const trickle = setInterval(() => stream.write(" "), 50);
  let [status, received, grpcStatus] = ["", "", ""];
  stream.on("response", (head) => {
    status = String(head[":status"]);
  });
  stream.on("trailers", (trailers) => {
    grpcStatus = ` grpc-status: ${trailers["grpc-status"]}`;
  });
  stream.setEncoding("latin1").on("data", (text) => {
    received += text;
  });
  stream.on("error", () => {});
  return new Promise((resolve) => {
    const end = (code?: number) => {
      clearInterval(trickle);
      resolve({ answer: `${status} ${received}${grpcStatus}`, code });
    };
    stream.once("close", () => end(stream.rstCode));
    delay(PATIENCE_MS).then(() => end());
  });
}

describe("a body that never ends is waited for until the deadline of its call", () => {
  it.each([...WAYS, GRPC])("over HTTP/2, where the stream is closed then: $name", async (way) => {
    const { answer, code } = await callWithoutEnd(openSession(), way);
    expect(answer).toMatch(way.told);
    expect(code).toBe(constants.NGHTTP2_NO_ERROR);
  });

  it.each([CONNECT, GRPC])("over HTTP/2, and 100 on one connection leave it as it was: $name", async (way) => {
    const session = openSession();
    const calls = Array.from({ length: 100 }, () => callWithoutEnd(session, way));
    const codes = (await Promise.all(calls)).map(({ code }) => code);
    expect(new Set(codes)).toEqual(new Set([constants.NGHTTP2_NO_ERROR]));
    expect(await text(session.request({ ":path": "/healthz" }))).toBe("ok\n");
  });

  it.each(WAYS)("over HTTP/1.1, where the connection is closed then: $name", async (way) => {
    const { path, type, deadline, body, told } = way;
    const socket = connect(victim.port, victim.host);
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");
    const head = `POST ${path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${victim.apiKey}\r\n`;
    socket.write(`${head}content-type: ${type}\r\n${deadline.join(": ")}\r\ntransfer-encoding: chunked\r\n\r\n`);
    socket.write(`${body.length.toString(16)}\r\n${Buffer.from(body).toString("latin1")}`, "latin1");
    const answer = await Promise.race([text(socket), delay(PATIENCE_MS, "the connection stays open")]);
    expect(answer.replace(/^HTTP\/1.1 /, "")).toMatch(told);
  });
});
