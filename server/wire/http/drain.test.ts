import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { getFrame, HTTP2_HELLO } from "../../test/wire/frames.ts";
import { echo, getHttp2, handler, http2Peer, listenHere, rawPeer, rstCode, timed } from "../../test/wire/peers.ts";

/** Well below any grace period here, well above what a busy machine needs. */
const AT_ONCE_MS = 250;

/** GOAWAY without error, whose last stream is the first one. */
const GOAWAY_AFTER_1 = "\0\0\x08\x07\0\0\0\0\0\0\0\0\x01\0\0\0\0";

/** Begins an answer and ends it when told to. */
function slowAnswer() {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const answer = handler(async (_request, response) => {
    response.write("begun, ");
    await mayEnd;
    response.end("ended");
  });
  return { answer, end };
}

async function getHttp1(url: string, agent = new Agent({ keepAlive: true })): Promise<IncomingMessage> {
  const [response] = await once(get(url, { agent }), "response");
  return response;
}

describe("drain", () => {
  it("closes what is idle at once and lets calls finish", async () => {
    const { answer, end } = slowAnswer();
    const listener = await listenHere((request, response) => (request.url === "/" ? echo : answer)(request, response));
    const idle2 = await http2Peer(listener.url);
    const goaway = once(idle2, "goaway");
    const running2 = (await http2Peer(listener.url)).request({ ":path": "/slow" });
    await once(running2, "response");
    const idle1 = await getHttp1(listener.url);
    const { socket } = idle1;
    await text(idle1);
    const running1 = await getHttp1(`${listener.url}/slow`);

    const drained = listener.drain(10_000);
    const idleMs = await timed(Promise.all([once(idle2, "close"), once(socket, "close")]));
    await delay(50);
    end();

    expect(idleMs).toBeLessThan(AT_ONCE_MS);
    expect((await goaway)[0]).toBe(0);
    expect(await text(running1)).toBe("begun, ended");
    expect(await text(running2)).toBe("begun, ended");
    expect(await timed(drained)).toBeLessThan(AT_ONCE_MS);
  });

  it("takes no new connections", async () => {
    const listener = await listenHere(echo);

    await listener.drain(0);

    await expect(fetch(listener.url)).rejects.toThrow("fetch failed");
  });

  it("takes no new calls on an HTTP/2 connection that still has one", async () => {
    const { answer, end } = slowAnswer();
    let calls = 0;
    const listener = await listenHere((request, response) => {
      calls += 1;
      answer(request, response);
    });
    const { socket, received, closed } = await rawPeer(listener.port);
    socket.write(Buffer.concat([HTTP2_HELLO, getFrame(1)]));
    await expect.poll(received).toContain("begun, ");

    const drained = listener.drain(10_000);
    await expect.poll(received).toContain(GOAWAY_AFTER_1);
    socket.write(getFrame(3));
    await delay(50);
    end();

    await expect.poll(received).toContain("ended");
    socket.end();
    await Promise.all([drained, closed]);
    expect(calls).toBe(1);
  });

  it("announces the close in HTTP/1.1 answers that have not begun", async () => {
    const { promise: mayAnswer, resolve: answerNow } = Promise.withResolvers<void>();
    const { promise: called, resolve: call } = Promise.withResolvers<void>();
    const listener = await listenHere(async (request, response) => {
      call();
      await mayAnswer;
      echo(request, response);
    });
    const response = getHttp1(listener.url);
    await called;

    const drained = listener.drain(10_000);
    answerNow();

    expect((await response).headers.connection).toBe("close");
    expect(await text(await response)).toBe("1.1 /");
    await drained;
  });

  it("does not cut an HTTP/1.1 answer that is complete but still on its way", async () => {
    const answer = Buffer.alloc(8 << 20, "x");
    const listener = await listenHere((_request, response) => void response.end(answer));
    const response = await getHttp1(listener.url);
    response.pause();
    await delay(100);

    const drained = listener.drain(10_000);
    await delay(100);

    expect((await text(response)).length).toBe(answer.length);
    expect(await timed(drained)).toBeLessThan(AT_ONCE_MS);
  });

  it("closes a socket that begins to speak meanwhile", async () => {
    const { answer, end } = slowAnswer();
    const listener = await listenHere(answer);
    const late = await rawPeer(listener.port);
    const running = await getHttp1(listener.url);

    const drained = listener.drain(10_000);
    late.socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    await late.closed;
    end();

    expect(late.received()).toBe("");
    expect(await text(running)).toBe("begun, ended");
    await drained;
  });

  it("answers a call that comes behind a running one, and announces the close", async () => {
    const { answer, end } = slowAnswer();
    const listener = await listenHere((request, response) => (request.url === "/" ? echo : answer)(request, response));
    const { socket, received, closed } = await rawPeer(listener.port);
    socket.write("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n");
    await expect.poll(received).toContain("begun, ");

    const drained = listener.drain(10_000);
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    await delay(50);
    end();

    await Promise.all([drained, closed]);
    expect(received()).toMatch(/ended.*\r\nconnection: close\r\n.*1\.1 \/$/is);
  });

  it("does not wait for sockets that have said nothing yet", async () => {
    const listener = await listenHere(echo);
    const { closed } = await rawPeer(listener.port);
    await getHttp2(await http2Peer(listener.url), "/");

    expect(await timed(Promise.all([listener.drain(10_000), closed]))).toBeLessThan(AT_ONCE_MS);
  });

  it("cuts calls that are not over after the grace period", async () => {
    const { answer } = slowAnswer();
    const listener = await listenHere(answer);
    const stream = (await http2Peer(listener.url)).request();
    const code = rstCode(stream);
    await once(stream, "response");
    const response = await getHttp1(listener.url);
    const aborted = once(response, "error");

    const ms = await timed(listener.drain(200));

    expect(ms).toBeGreaterThan(190);
    expect(ms).toBeLessThan(200 + AT_ONCE_MS);
    expect(await code).not.toBe(0);
    expect((await aborted)[0]).toMatchObject({ code: "ECONNRESET" });
  });
});
