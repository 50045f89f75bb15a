import { Code, type ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { Health as HealthService } from "../../../gen/grpc/health/v1/health_pb.ts";
import { OVER, RunningCalls } from "./call-context.ts";

const start = {
  method: HealthService.method.check,
  protocolName: "rest",
  request: {},
  timeoutMs: undefined,
  values: undefined,
};

const reader = {
  methodOf: () => "POST",
  urlOf: () => "http://localhost/",
  headersOf: () => new Headers({ "x-one": "1" }),
};

describe("RunningCalls", () => {
  it("ends a call once, for the first reason", () => {
    const context = new RunningCalls(undefined, reader).begin(start);
    context.abort(OVER);
    context.abort(new Error("later"));
    expect(context.signal.reason).toBe(OVER);
  });

  it("leaves the signal of a call that is finished as it is", () => {
    const shutdown = new AbortController();
    const context = new RunningCalls(shutdown.signal, reader).begin({ ...start, timeoutMs: 1 });
    context.finish();
    context.abort(OVER);
    shutdown.abort();
    expect(context.signal.aborted).toBe(false);
  });

  it.each([0, 20])("ends a call by its deadline of %i ms", async (timeoutMs) => {
    const context = new RunningCalls(undefined, reader).begin({ ...start, timeoutMs });
    await expect.poll(() => context.signal.aborted).toBe(true);
    expect((context.signal.reason as ConnectError).code).toBe(Code.DeadlineExceeded);
    expect(context.timeoutMs()).toBeLessThanOrEqual(0);
  });

  it("ends the calls that run at a shutdown, and those that begin after it, but not those that are over", () => {
    const shutdown = new AbortController();
    const calls = new RunningCalls(shutdown.signal, reader);
    const [running, over] = [calls.begin(start), calls.begin(start)];
    over.abort(OVER);
    shutdown.abort(new Error("stopping"));
    const late = calls.begin(start);
    expect([running, over, late].map(({ signal }) => signal.reason.message)).toEqual([
      "stopping",
      "the call is over",
      "stopping",
    ]);
  });

  it("gives a signal that was aborted to who asks for it afterwards", () => {
    const context = new RunningCalls(undefined, reader).begin(start);
    context.abort(new Error("left"));
    expect(context.signal.reason.message).toBe("left");
  });

  it("waits for a promise, but not beyond the abort of the call", async () => {
    const context = new RunningCalls(undefined, reader).begin(start);
    expect(await context.wait(Promise.resolve("done"))).toBe("done");
    const left = context.wait(new Promise(() => {}));
    context.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    await expect(context.wait(new Promise(() => {}))).rejects.toThrow("left");
  });

  it("has the headers that were set, and none that nobody asked for", () => {
    const context = new RunningCalls(undefined, reader).begin(start);
    expect(context.responseHeaders).toEqual([]);
    context.responseTrailer.set("x-two", "2");
    expect(context.responseHeaders.map((headers) => headers.get("x-two"))).toEqual(["2"]);
    expect(context.requestHeader.get("x-one")).toBe("1");
  });
});
