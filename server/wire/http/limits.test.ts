import { once } from "node:events";
import { type ClientHttp2Session, constants } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { getFrame, HTTP2_HELLO, pingAnswerFrame, pingsIn } from "../../test/wire/frames.ts";
import { echo, getHttp2, handler, http2Peer, listenHere, rawPeer, rstCode, timed } from "../../test/wire/peers.ts";
import { LIMITS } from "./limits.ts";

const ENDLESS_BYTES = 16 << 20;

/** Sends a first byte, is quiet for a while, and ends. */
const quietFor = (ms: number) =>
  handler(async (_request, response) => {
    response.write("a");
    await delay(ms);
    response.end("b");
  });

/** Has more to say than any buffer on the way holds, and tells when it has ended in whatever way. */
function endless() {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const answer = handler((_request, response) => {
    response.once("close", resolve);
    response.write(Buffer.alloc(ENDLESS_BYTES));
  });
  return { answer, ended };
}

describe("time limits", () => {
  it("closes a socket that says nothing", async () => {
    const { port } = await listenHere(echo, { limits: { openingTimeoutMs: 100 } });
    const { closed } = await rawPeer(port);

    expect(await timed(closed)).toBeLessThan(1000);
  });

  it("closes a socket that says too little to tell its protocol", async () => {
    const { port } = await listenHere(echo, { limits: { openingTimeoutMs: 100 } });
    const { closed, socket } = await rawPeer(port);

    socket.write("PRI * HTTP/2");

    expect(await timed(closed)).toBeLessThan(1000);
  });

  it("answers 408 to a header that does not end", async () => {
    const { port } = await listenHere(echo, { limits: { headersTimeoutMs: 100, requestCheckMs: 50 } });
    const { closed, socket, received } = await rawPeer(port);

    socket.write("GET / HTTP/1.1\r\nx-slow: ");

    await closed;
    expect(received()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("answers 408 to a body that does not end", async () => {
    const limits = { headersTimeoutMs: 100, requestTimeoutMs: 100, requestCheckMs: 50 };
    const { port } = await listenHere((request) => void request.resume(), { limits });
    const { closed, socket, received } = await rawPeer(port);

    socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf");

    await closed;
    expect(received()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("leaves an answer that is slow and quiet alone", async () => {
    const limits = {
      headersTimeoutMs: 100,
      requestTimeoutMs: 100,
      requestCheckMs: 50,
      stallTimeoutMs: 100,
      silenceTimeoutMs: 100,
      pingTimeoutMs: 1_000,
    };
    const { url } = await listenHere(quietFor(2_500), { limits });

    expect(await (await fetch(url)).text()).toBe("ab");
    expect(await getHttp2(await http2Peer(url), "/")).toBe("ab");
  });

  it("closes an HTTP/1.1 connection that stays silent after a call", async () => {
    const { port } = await listenHere(echo, { limits: { silenceTimeoutMs: 100 } });
    const { closed, socket, received } = await rawPeer(port);
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    await expect.poll(received).toMatch(/^HTTP\/1\.1 200 /);

    // Node waits a second longer than it announces.
    expect(await timed(closed)).toBeLessThan(2000);
  });

  it("closes an HTTP/2 connection that stays silent after a call, with GOAWAY", async () => {
    const { url } = await listenHere(echo, { limits: { silenceTimeoutMs: 100 } });
    const session = await http2Peer(url);
    const goaway = once(session, "goaway");
    await getHttp2(session, "/");

    expect((await goaway)[0]).toBe(0);
  });

  it("closes the connection of an HTTP/2 peer that is dead", async () => {
    const { port } = await listenHere(echo, { limits: { silenceTimeoutMs: 100, pingTimeoutMs: 100 } });
    const { closed, socket } = await rawPeer(port);

    socket.write(HTTP2_HELLO);

    const ms = await timed(closed);
    expect(ms).toBeGreaterThan(150);
    expect(ms).toBeLessThan(1000);
  });

  it("closes the connection of an HTTP/2 peer that dies later, with a stream open", async () => {
    const { port } = await listenHere(quietFor(10_000), { limits: { silenceTimeoutMs: 100, pingTimeoutMs: 100 } });
    const { closed, socket, received } = await rawPeer(port);
    socket.write(Buffer.concat([HTTP2_HELLO, getFrame(1)]));

    await expect.poll(() => pingsIn(received()), { interval: 5 }).toHaveLength(1);
    for (const payload of pingsIn(received())) socket.write(pingAnswerFrame(payload));

    expect(await timed(closed)).toBeLessThan(1000);
    expect(pingsIn(received())).toHaveLength(2);
  });

  it("closes the connection of an HTTP/2 peer that does not answer a goodbye", async () => {
    const { port } = await listenHere(echo, { limits: { silenceTimeoutMs: 100, pingTimeoutMs: 100 } });
    const { closed, socket, received } = await rawPeer(port, { allowHalfOpen: true });
    socket.write(HTTP2_HELLO);

    await expect.poll(() => pingsIn(received()), { interval: 5 }).toHaveLength(1);
    for (const payload of pingsIn(received())) socket.write(pingAnswerFrame(payload));
    await once(socket, "end");
    const babble = setInterval(() => socket.write("."), 10);

    expect(await timed(closed)).toBeLessThan(1000);
    clearInterval(babble);
  });

  it("cuts an HTTP/1.1 reader that stops reading", async () => {
    const { answer, ended } = endless();
    const { port } = await listenHere(answer, { limits: { stallTimeoutMs: 200 } });
    const { socket } = await rawPeer(port);

    socket.pause();
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");

    expect(await timed(ended)).toBeLessThan(2000);
  });

  it("cuts an HTTP/2 reader that stops reading, but not its connection", async () => {
    const { answer, ended } = endless();
    const { url } = await listenHere((request, response) => (request.url === "/" ? answer : echo)(request, response), {
      limits: { stallTimeoutMs: 200 },
    });
    const session = await http2Peer(url);

    const code = rstCode(session.request().pause());

    expect(await timed(ended)).toBeLessThan(2000);
    expect(await code).not.toBe(0);
    expect(await getHttp2(session, "/next")).toBe("2.0 /next");
  });
});

describe("unread answers that are cancelled", () => {
  // Node goes on counting their bytes as memory of the connection: without our help the first one is the last.
  const limits = { maxSessionMemoryMb: (2 * ENDLESS_BYTES) >> 20 };

  it.each([
    { name: "while they are written", end: "write" },
    { name: "when they are written", end: "end" },
  ] as const)("never make a connection useless, $name", async ({ end }) => {
    const { url } = await listenHere(
      handler((request, response) => {
        if (request.url === "/") return echo(request, response);
        response[end](Buffer.alloc(ENDLESS_BYTES));
      }),
      { limits },
    );
    let connections = 0;
    let session: ClientHttp2Session | undefined;
    const connection = async () => {
      if (session && !session.closed && !session.destroyed) return session;
      connections += 1;
      session = await http2Peer(url);
      return session;
    };

    for (let round = 0; round < 6; round += 1) {
      const stream = (await connection()).request({ ":path": "/endless" }).pause();
      await once(stream, "response");
      stream.close(constants.NGHTTP2_CANCEL);
      await rstCode(stream);
      // A stream that is refused was not begun, and is asked for again: on a busy machine, what was cut is still held.
      const asked = async () => getHttp2(await connection(), "/").catch((error: Error) => error.message);
      await expect.poll(asked, { timeout: 10_000 }).toBe("2.0 /");
    }
    expect(connections).toBeGreaterThan(1);
    expect(connections).toBeLessThan(12);
  });
});

describe("size limits", () => {
  const huge = { "x-huge": "x".repeat(LIMITS.maxHeaderBytes) };

  it("answers 431 to a header that is too large", async () => {
    const { url } = await listenHere(echo);

    expect((await fetch(url, { headers: huge })).status).toBe(431);
  });

  it("refuses an HTTP/2 stream whose header is too large, but not its connection", async () => {
    const { url } = await listenHere(echo);
    const session = await http2Peer(url);

    expect(await rstCode(session.request(huge))).toBe(0xb); // ENHANCE_YOUR_CALM
    expect(await getHttp2(session, "/next")).toBe("2.0 /next");
  });

  it("tells HTTP/2 peers how many streams they may open", async () => {
    const { url } = await listenHere(echo);

    expect((await http2Peer(url)).remoteSettings).toMatchObject({ maxConcurrentStreams: 100 });
  });
});
