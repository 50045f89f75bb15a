import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { PROTOCOLS, startServer } from "../../test/wire/rest-service.ts";
import { Intake } from "./intake.ts";
import { LIMITS } from "./limits.ts";

const HEAD = "POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
/** A body that has time enough. */
const PATIENT = { bodyGraceMs: 60_000, bodyBytesPerSecond: 1 };

describe("bodies together", () => {
  const body = Buffer.from(JSON.stringify({ text: "a".repeat(200_000) }));

  it.each(PROTOCOLS)("hold no more than they may over %s, and what is refused can be sent again", async (protocol) => {
    const intake = new Intake({ maxBytes: 300_000, limits: PATIENT });
    const { promise: answering, resolve: answer } = Promise.withResolvers<void>();
    const echo = async (request: object) => {
      await answering;
      return { ...request, text: "" };
    };
    await using server = await startServer({ Echo: echo }, { intake });
    const send = () => {
      const headers = { "content-type": "application/json" };
      return server.send({ method: "POST", path: "/v1/echo", headers, body }, protocol);
    };
    const first = [send(), send()];
    await expect.poll(() => intake.heldBytes).toBe(2 * (body.length - 65_536));
    const { status, headers, json } = await send();
    expect({ status, retryAfter: headers["retry-after"] }).toEqual({ status: 503, retryAfter: "1" });
    expect(JSON.stringify(json)).toMatch(/"reason":"SERVER_BUSY".*"retryDelay":"1s"|"retryDelay":"1s".*"SERVER_BUSY"/);
    answer();
    expect((await Promise.all(first)).map((answered) => answered.status)).toEqual([200, 200]);
    await expect.poll(() => intake.heldBytes).toBe(0);
    expect((await send()).status).toBe(200);
  });
});

describe("a body in drops", () => {
  const limits = { bodyGraceMs: 200, bodyBytesPerSecond: LIMITS.bodyBytesPerSecond };
  const start = () => startServer({}, { intake: new Intake({ maxBytes: 2 ** 20, limits }) });

  it.each([
    { length: "content-length: 9", start: "{" },
    { length: "content-length: 90000", start: "{" },
    { length: "transfer-encoding: chunked", start: "5\r\n{" },
  ])("is refused with $length, and its connection ends", async ({ length, start: first }) => {
    await using server = await start();
    const socket = connect(server.ports["HTTP/1.1"], "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    let received = "";
    socket.setEncoding("utf8").on("data", (text) => {
      received += text;
    });
    socket.write(`${HEAD}${length}\r\n\r\n${first}`);
    await once(socket, "end");
    expect(received).toMatch(/^HTTP\/1\.1 408 [\s\S]*connection: close[\s\S]*DEADLINE_PASSED/i);
  });

  it("is refused over HTTP/2", async () => {
    await using server = await start();
    const session = connectHttp2(`http://127.0.0.1:${server.ports["HTTP/2"]}`);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ":method": "POST", ":path": "/v1/echo", "content-type": "application/json" });
    stream.write("{");
    const [headers] = await once(stream, "response");
    expect(headers[":status"]).toBe(408);
  });
});
