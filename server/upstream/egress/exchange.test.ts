import type { RequestListener } from "node:http";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { call, egressFor, failureOf, fetchText, readToEnd, serve } from "../../test/upstream/loopback.ts";
import { parseAllowRules } from "./allow-rule.ts";
import type { ConnectorFactory } from "./guarded-connect.ts";
import type { Limits } from "./limits.ts";

describe("a limit", () => {
  const limits = {
    firstPieceMs: 150,
    betweenPiecesMs: 150,
    wholeMs: 20_000,
    bodyBytes: 1_000,
    streamBytes: 2_000,
  };
  const trickle: RequestListener = (_request, response) => {
    const timer = setInterval(() => response.write("."), 50);
    response.on("close", () => clearInterval(timer));
  };
  const cases: {
    name: string;
    listener: RequestListener;
    streamed: boolean;
    kind: string;
    status?: number;
    own?: Partial<Limits>;
  }[] = [
    { name: "a silent endpoint", listener: () => undefined, streamed: false, kind: "timeout" },
    { name: "a silent endpoint of a stream", listener: () => undefined, streamed: true, kind: "timeout" },
    {
      name: "a head without a body",
      listener: (_request, response) => response.flushHeaders(),
      streamed: true,
      kind: "timeout",
      status: 200,
    },
    {
      name: "a reply that stops",
      listener: (_request, response) => void response.write("one"),
      streamed: true,
      kind: "timeout",
      status: 200,
    },
    {
      name: "a reply of drops",
      listener: trickle,
      streamed: true,
      kind: "timeout",
      status: 200,
      own: { firstPieceMs: 5_000, betweenPiecesMs: 5_000, wholeMs: 400 },
    },
    {
      name: "a body that is too large",
      listener: (_request, response) => void response.end("x".repeat(1_001)),
      streamed: false,
      kind: "bad-reply",
      status: 200,
    },
    {
      name: "a body that says it will be too large",
      listener: (_request, response) => void response.writeHead(200, { "content-length": "1001" }).write("x"),
      streamed: false,
      kind: "bad-reply",
      status: 200,
    },
    {
      name: "a stream that is too large",
      listener: (_request, response) => {
        response.write("x".repeat(1_500));
        response.end("x".repeat(501));
      },
      streamed: true,
      kind: "bad-reply",
      status: 200,
    },
    {
      name: "D9 a body that was compressed unasked",
      listener: (_request, response) =>
        void response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("x".repeat(900))),
      streamed: false,
      kind: "bad-reply",
      status: 200,
    },
    {
      name: "D9 a body that was compressed again and again",
      listener: (_request, response) =>
        void response.writeHead(200, { "content-encoding": "gzip, gzip, br" }).end(gzipSync(gzipSync("x"))),
      streamed: true,
      kind: "bad-reply",
      status: 200,
    },
    {
      name: "more headers than anybody needs",
      listener: (_request, response) => {
        for (let count = 0; count < 200; count += 1) response.setHeader(`x-${count}`, "y");
        response.end();
      },
      streamed: false,
      kind: "bad-reply",
      status: 200,
    },
    {
      name: "a header that is too large",
      listener: (_request, response) => void response.writeHead(200, { "x-large": "y".repeat(20_000) }).end(),
      streamed: false,
      kind: "bad-reply",
    },
  ];
  it.each(cases)("ends $name", async ({ listener, streamed, kind, status, own }) => {
    const origin = await serve(listener);
    const through = egressFor({ allow: parseAllowRules(origin), limits: { ...limits, ...own } });
    const startedAt = performance.now();
    const failure = await failureOf(readToEnd(through, origin, streamed));
    expect([failure.kind, failure.httpStatus]).toEqual([kind, status]);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });

  it("of silence begins anew with each piece", async () => {
    const pieces = 25;
    const origin = await serve((_request, response) => {
      let sent = 0;
      const timer = setInterval(() => {
        response.write(".");
        sent += 1;
        if (sent < pieces) return;
        clearInterval(timer);
        response.end();
      }, 100);
    });
    const through = egressFor({ allow: parseAllowRules(origin), limits: { betweenPiecesMs: 1_000, wholeMs: 20_000 } });
    const response = await through.request(call(origin, { streamed: true }));
    response.hear();
    expect(await response.text(1_000)).toBe(".".repeat(pieces));
  });

  it("of silence does not run while we are the ones who wait", async () => {
    const origin = await serve((_request, response) => void response.end(Buffer.alloc(600_000)));
    const through = egressFor({ allow: parseAllowRules(origin), limits: { betweenPiecesMs: 250 } });
    const response = await through.request(call(origin, { streamed: true }));
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect((await response.text(1_000_000)).length).toBe(600_000);
  });

  it("of silence runs again once we read on", async () => {
    const origin = await serve((_request, response) => {
      response.write(Buffer.alloc(258_000));
      // The last that comes is what fills the reader up: nothing more wakes the deadline.
      setTimeout(() => response.write(Buffer.alloc(8_000)), 100);
    });
    const through = egressFor({ allow: parseAllowRules(origin), limits: { betweenPiecesMs: 250, wholeMs: 20_000 } });
    const response = await through.request(call(origin, { streamed: true }));
    response.hear();
    await new Promise((resolve) => setTimeout(resolve, 600));
    const startedAt = performance.now();
    expect((await failureOf(response.text(1_000_000))).kind).toBe("timeout");
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });

  it("of a text is the reader's", async () => {
    const origin = await serve((_request, response) => void response.end("x".repeat(2_000)));
    const through = egressFor({ allow: parseAllowRules(origin) });
    const response = await through.request(call(origin));
    expect((await failureOf(response.text(1_999))).kind).toBe("bad-reply");
  });

  it("of what waits for a reader holds the endpoint back", async () => {
    let written = 0;
    const piece = Buffer.alloc(64 * 1024);
    const origin = await serve((_request, response) => {
      const pour = () => {
        do written += piece.length;
        while (written < 60 * 1024 * 1024 && response.write(piece));
      };
      response.on("drain", pour);
      pour();
    });
    const through = egressFor({ allow: parseAllowRules(origin) });
    const response = await through.request(call(origin, { streamed: true }));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    // What the system holds between two sockets comes on top of our own.
    expect(written).toBeLessThan(20 * 1024 * 1024);
    response.cancel();
  });

  it("of what a finished body may still bring ends its connection", async () => {
    let pieces = 0;
    const closed = Promise.withResolvers<void>();
    const origin = await serve((_request, response) => {
      response.write("one");
      const timer = setInterval(() => response.write(Buffer.alloc(8 * 1024)) && pieces++, 20);
      response.on("close", () => {
        clearInterval(timer);
        closed.resolve();
      });
    });
    const through = egressFor({ allow: parseAllowRules(origin) });
    const response = await through.request(call(origin, { streamed: true }));
    await response.read();
    response.finish();
    await closed.promise;
    expect(pieces).toBeLessThan(25);
  });

  it("of headers is ours", async () => {
    const origin = await serve(
      (_request, response) => void response.writeHead(200, { "x-y": "z".repeat(3_000) }).end(),
    );
    const failed = egressFor({ allow: parseAllowRules(origin), limits: { headerBytes: 2_000 } });
    expect((await failureOf(failed.request(call(origin)))).kind).toBe("bad-reply");
    const larger = egressFor({ allow: parseAllowRules(origin), limits: { headerBytes: 4_000 } });
    expect((await larger.request(call(origin))).status).toBe(200);
  });

  it("of connecting ends a connection that nobody takes", async () => {
    const never: ConnectorFactory = (options) => (_options, callback) => {
      const error = Object.assign(new Error("Connect Timeout Error"), { code: "UND_ERR_CONNECT_TIMEOUT" });
      setTimeout(() => callback(error, null), options.timeout ?? 0);
    };
    const through = egressFor({ allow: [], connectorFactory: never, limits: { connectMs: 50 } });
    expect((await failureOf(through.request(call("https://8.8.8.8/")))).kind).toBe("unreachable");
  });
});

describe("an abort", () => {
  it.each([
    { name: "before the call", listener: () => undefined, delayMs: -1 },
    { name: "before the answer", listener: () => undefined, delayMs: 30 },
    {
      name: "in the middle of it",
      listener: ((_q, response) => response.write("one")) as RequestListener,
      delayMs: 30,
    },
  ])("$name rethrows its reason", async ({ listener, delayMs }) => {
    const origin = await serve(listener);
    const through = egressFor({ allow: parseAllowRules(origin) });
    const controller = new AbortController();
    const reason = { why: "left" };
    if (delayMs < 0) controller.abort(reason);
    else setTimeout(() => controller.abort(reason), delayMs);
    await expect(fetchText(through, origin, { signal: controller.signal })).rejects.toBe(reason);
  });
});
