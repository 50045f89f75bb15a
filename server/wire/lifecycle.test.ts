import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Listener } from "./http/listen.ts";
import { Lifecycle } from "./lifecycle.ts";

/** A port without calls: it drains when it is told that it has. */
function drainable(): { listener: Listener; finish: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { listener: { url: "", port: 0, drain: () => promise }, finish: resolve };
}

describe("the lifecycle", () => {
  let canServe: boolean;
  let lifecycle: Lifecycle;
  beforeEach(() => {
    vi.useFakeTimers();
    canServe = true;
    lifecycle = new Lifecycle(["a.Service"], async () => canServe);
  });
  afterEach(() => {
    lifecycle.close();
    vi.useRealTimers();
  });

  it("follows whether the database answers", async () => {
    expect([lifecycle.health.status, await lifecycle.isReady()]).toEqual(["SERVING", true]);
    canServe = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect([lifecycle.health.status, await lifecycle.isReady()]).toEqual(["NOT_SERVING", false]);
    canServe = true;
    await vi.advanceTimersByTimeAsync(2_000);
    expect([lifecycle.health.status, await lifecycle.isReady()]).toEqual(["SERVING", true]);
  });

  it("is not ready at once when it stops, and never again", async () => {
    const { listener, finish } = drainable();
    const drained = lifecycle.drain(listener);
    expect([lifecycle.health.status, await lifecycle.isReady()]).toEqual(["NOT_SERVING", false]);
    await vi.advanceTimersByTimeAsync(4_000);
    expect([lifecycle.health.status, lifecycle.shutdownSignal.aborted]).toEqual(["NOT_SERVING", false]);
    finish();
    await drained;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(lifecycle.shutdownSignal.aborted).toBe(false);
  });

  it("tells calls that outlast its patience that the server is unavailable", async () => {
    const { listener } = drainable();
    void lifecycle.drain(listener);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(lifecycle.shutdownSignal.reason).toMatchObject({ name: "ConnectError", code: 14 });
  });
});
