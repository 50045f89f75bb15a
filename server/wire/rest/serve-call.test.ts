import { request as requestHttp1 } from "node:http";
import { connect } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { describe, expect, it, vi } from "vitest";
import { type AnyMessage, PROTOCOLS, startServer } from "../../test/wire/rest-service.ts";

type Watch = (request: AnyMessage, context: HandlerContext) => AsyncGenerator<unknown>;

const EVENTS = { accept: "text/event-stream" };

/** Three messages, each in its own turn of the event loop. */
const three: Watch = async function* ({ text }) {
  for (const n of [1, 2, 3]) {
    await delay(1);
    yield { text: `${text}${n}` };
  }
};

const failsLater: Watch = async function* ({ text }) {
  yield { text };
  await delay(1);
  throw new ConnectError("no more", Code.Unavailable);
};

describe.each(PROTOCOLS)("a stream over %s", (protocol) => {
  it("is lines of JSON", async () => {
    await using server = await startServer({ Watch: three });
    expect(await server.send({ path: "/v1/watch/a" }, protocol)).toMatchObject({
      status: 200,
      headers: { "content-type": "application/x-ndjson", "cache-control": "no-cache", vary: "Accept" },
      text: '"a1"\n"a2"\n"a3"\n',
    });
  });

  it.each(["text/event-stream", "application/json, text/event-stream;q=0.9", "Text/Event-Stream"])(
    "is events for those who accept %s, with an end of their own",
    async (accept) => {
      await using server = await startServer({ Watch: three });
      expect(await server.send({ path: "/v1/watch/a", headers: { accept } }, protocol)).toMatchObject({
        status: 200,
        headers: { "content-type": "text/event-stream" },
        text: 'data: "a1"\n\ndata: "a2"\n\ndata: "a3"\n\nevent: end\ndata: {}\n\n',
      });
    },
  );

  it.each([
    ["lines", {}, ""],
    ["events", EVENTS, "event: end\ndata: {}\n\n"],
  ])("may have no messages: %s", async (_, headers, text) => {
    await using server = await startServer({ async *Watch() {} });
    expect(await server.send({ path: "/v1/watch/a", headers }, protocol)).toMatchObject({ status: 200, text });
  });

  it("may be bytes, with the content type of the first", async () => {
    await using server = await startServer({
      async *Tail() {
        yield { contentType: "text/plain", data: Buffer.from("hello") };
        yield { contentType: "ignored/type", data: Buffer.from(" world") };
      },
    });
    expect(await server.send({ path: "/v1/tail/a", headers: EVENTS }, protocol)).toMatchObject({
      status: 200,
      headers: { "content-type": "text/plain" },
      text: "hello world",
    });
  });

  it.each([
    ["an error", new ConnectError("gone", Code.NotFound), 404, "NOT_FOUND"],
    ["a bug", new Error("secret"), 500, "INTERNAL"],
  ])("has a status of its own if %s comes before the first message", async (_, error, status, name) => {
    await using server = await startServer({
      // biome-ignore lint/correctness/useYield: it fails before
      async *Watch() {
        await delay(1);
        throw error;
      },
    });
    expect(await server.send({ path: "/v1/watch/a", headers: EVENTS }, protocol)).toMatchObject({
      status,
      headers: { "content-type": "application/json" },
      json: { error: { status: name } },
    });
  });

  it("ends with an error that comes later, as a line", async () => {
    await using server = await startServer({ Watch: failsLater });
    const { status, text } = await server.send({ path: "/v1/watch/a" }, protocol);
    const [first, last = "", rest] = text.split("\n");
    expect({ status, first, rest }).toEqual({ status: 200, first: '"a"', rest: "" });
    expect(JSON.parse(last)).toMatchObject({ error: { code: 503, status: "UNAVAILABLE", message: "no more" } });
  });

  it("ends with an error that comes later, as an event", async () => {
    await using server = await startServer({ Watch: failsLater });
    const { text } = await server.send({ path: "/v1/watch/a", headers: EVENTS }, protocol);
    expect(text).toMatch(/^data: "a"\n\nevent: error\ndata: \{"error":\{"code":503,.*\}\}\n\n$/);
  });

  it("breaks off if it is bytes and fails later", async () => {
    await using server = await startServer({
      async *Tail() {
        yield { contentType: "text/plain", data: Buffer.from("hello") };
        await delay(5);
        throw new Error("secret");
      },
    });
    await expect(server.send({ path: "/v1/tail/a" }, protocol)).rejects.toThrow();
  });

  it("has an error frame when its time is up, even if the handler does not listen", async () => {
    await using server = await startServer({
      async *Watch({ text }) {
        yield { text };
        await new Promise(() => {});
      },
    });
    const { text } = await server.send({ path: "/v1/watch/a", headers: { "x-server-timeout": "0.05" } }, protocol);
    expect(JSON.parse(text.split("\n")[1] ?? "")).toMatchObject({
      error: { status: "DEADLINE_EXCEEDED", details: [{ reason: "DEADLINE_PASSED" }] },
    });
  });

  it("answers HEAD with the headers of the first message", async () => {
    const left = vi.fn();
    await using server = await startServer({
      async *Watch({ text }) {
        try {
          for (;;) yield { text };
        } finally {
          left();
        }
      },
    });
    expect(await server.send({ method: "HEAD", path: "/v1/watch/a" }, protocol)).toMatchObject({
      status: 200,
      text: "",
    });
    await vi.waitFor(() => expect(left).toHaveBeenCalled());
  });

  it("tells the handler when the reader leaves", async () => {
    const reasons: unknown[] = [];
    const left = vi.fn();
    await using server = await startServer({
      async *Watch({ text }, { signal }) {
        signal.addEventListener("abort", () => reasons.push(signal.reason));
        try {
          for (;;) {
            yield { text };
            await delay(1);
          }
        } finally {
          left();
        }
      },
    });
    await readAndLeave(server.ports[protocol], protocol);
    await vi.waitFor(() => expect(left).toHaveBeenCalled());
    expect(reasons).toEqual([expect.objectContaining({ code: Code.Canceled, reason: "CALL_CANCELLED" })]);
    expect(await server.send({ path: "/v1/echo/a" }, protocol)).toMatchObject({ status: 200 });
  });

  it("is no faster than its reader", async () => {
    let sent = 0;
    await using server = await startServer({
      async *Watch() {
        for (; sent < 10_000; sent++) yield { text: "x".repeat(10_000) };
      },
    });
    const resume = await readOnceAndPause(server.ports[protocol], protocol);
    await vi.waitFor(async () => {
      const before = sent;
      await delay(50);
      expect(sent).toBe(before);
    });
    expect(sent).toBeLessThan(5000);
    expect(await resume()).toBe(10_000 * 10_003);
  });
});

describe("a stream", () => {
  it("is written at once as far as it is there at once", async () => {
    await using server = await startServer({
      async *Watch() {
        for (let n = 0; n < 100; n++) yield { text: "x" };
        await delay(5);
        yield { text: "y" };
      },
    });
    const chunks: string[] = [];
    await new Promise<void>((resolve) => {
      requestHttp1({ port: server.ports["HTTP/1.1"], path: "/v1/watch/a" }, (response) => {
        response.on("data", (chunk) => chunks.push(String(chunk)));
        response.on("end", resolve);
      }).end();
    });
    expect(chunks.map((chunk) => chunk.length)).toEqual([400, 4]);
  });

  it("sends headers of the handler, and none of an error that comes too late", async () => {
    await using server = await startServer({
      async *Watch({ text }, { responseHeader }) {
        responseHeader.set("x-one", "1");
        yield { text };
        throw new ConnectError("late", Code.Aborted, { "x-two": "2" });
      },
    });
    const { headers } = await server.send({ path: "/v1/watch/a" });
    expect(headers["x-one"]).toBe("1");
    expect(headers).not.toHaveProperty("x-two");
  });
});

describe.each(PROTOCOLS)("a unary call over %s", (protocol) => {
  it("is over when its time is up, even if the handler does not listen", async () => {
    let context: HandlerContext | undefined;
    await using server = await startServer({
      Echo: (_, seen) => {
        context = seen;
        return new Promise(() => {});
      },
    });
    const sent = { path: "/v1/echo/a", headers: { "connect-timeout-ms": "50" } };
    expect(await server.send(sent, protocol)).toMatchObject({
      status: 504,
      json: { error: { status: "DEADLINE_EXCEEDED", details: [{ reason: "DEADLINE_PASSED" }] } },
    });
    expect(context?.signal.reason).toMatchObject({ code: Code.DeadlineExceeded });
  });

  it("has the deadline's error if the handler breaks by the deadline", async () => {
    await using server = await startServer(
      {
        Echo: async (_, { signal }) => {
          await delay(10_000, undefined, { signal });
        },
      },
      { defaultTimeoutMs: () => 30 },
    );
    expect(await server.send({ path: "/v1/echo/a" }, protocol)).toMatchObject({ status: 504 });
  });

  it.each([
    [{ "x-server-timeout": "soon" }, 400],
    [{ "grpc-timeout": "61S" }, 400],
    [{ "x-server-timeout": "60" }, 200],
    [{ "x-server-timeout": "0" }, 504],
  ])("with %j comes to %i", async (headers, status) => {
    await using server = await startServer({}, { maxTimeoutMs: 60_000 });
    expect(await server.send({ path: "/v1/echo/a", headers }, protocol)).toMatchObject({ status });
  });

  it.each([
    ["the server's reason", new ConnectError("stopping", Code.Unavailable), 503, "stopping"],
    ["a cancellation, without a reason", undefined, 499, "the call was cancelled"],
  ])("ends with %s if the server stops", async (_, reason, status, message) => {
    const shutdown = new AbortController();
    const stop = (_: AnyMessage, { signal }: HandlerContext) => {
      shutdown.abort(reason);
      return delay(10_000, undefined, { signal });
    };
    await using server = await startServer({ Echo: stop }, { shutdownSignal: shutdown.signal });
    expect(await server.send({ path: "/v1/echo/a" }, protocol)).toMatchObject({ status, json: { error: { message } } });
  });

  it("tells the handler when the caller leaves; when the call is over, there is nothing to tell", async () => {
    const signals: AbortSignal[] = [];
    const hangs: boolean[] = [false, true];
    await using server = await startServer({
      Echo: (request, { signal }) => {
        signals.push(signal);
        return hangs.shift() ? new Promise(() => {}) : request;
      },
    });
    await server.send({ path: "/v1/echo/a" }, protocol);
    const leave = open(server.ports[protocol], protocol, "/v1/echo/a");
    await vi.waitFor(() => expect(signals).toHaveLength(2));
    expect(signals[1]?.aborted).toBe(false);
    leave();
    await vi.waitFor(() => expect(signals[1]?.reason).toMatchObject({ reason: "CALL_CANCELLED" }));
    expect(signals[0]?.aborted).toBe(false);
  });
});

/** Sends a request; the result leaves it. */
function open(port: number, protocol: (typeof PROTOCOLS)[number], path: string): () => void {
  if (protocol === "HTTP/1.1") {
    const outgoing = requestHttp1({ port, path, agent: false }).on("error", () => {});
    outgoing.end();
    return () => outgoing.destroy();
  }
  const session = connect(`http://127.0.0.1:${port}`).on("error", () => {});
  const stream = session.request({ ":path": path }).on("error", () => {});
  return () => {
    stream.close(8); // CANCEL
    session.close();
  };
}

async function readAndLeave(port: number, protocol: (typeof PROTOCOLS)[number]): Promise<void> {
  if (protocol === "HTTP/1.1") {
    return new Promise((resolve) => {
      const outgoing = requestHttp1({ port, path: "/v1/watch/a", agent: false }, (response) => {
        response.on("error", () => {});
        response.once("data", () => {
          outgoing.destroy();
          resolve();
        });
      });
      outgoing.end();
    });
  }
  const session = connect(`http://127.0.0.1:${port}`);
  const stream = session.request({ ":path": "/v1/watch/a" });
  await new Promise((resolve) => stream.once("data", resolve));
  stream.close(8); // CANCEL
  session.close();
}

/** Reads the beginning and then nothing; the result reads on and counts the bytes of the whole. */
async function readOnceAndPause(port: number, protocol: (typeof PROTOCOLS)[number]): Promise<() => Promise<number>> {
  const session = protocol === "HTTP/2" ? connect(`http://127.0.0.1:${port}`) : undefined;
  const readable =
    session?.request({ ":path": "/v1/watch/a" }) ??
    (await new Promise<NodeJS.ReadableStream>((resolve) => {
      requestHttp1({ port, path: "/v1/watch/a", agent: false }, resolve).end();
    }));
  let sizeBytes = 0;
  await new Promise<void>((resolve) => {
    readable.once("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
      readable.pause();
      resolve();
    });
  });
  return async () => {
    readable.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
    });
    readable.resume();
    await new Promise((resolve) => readable.once("end", resolve));
    session?.close();
    return sizeBytes;
  };
}
