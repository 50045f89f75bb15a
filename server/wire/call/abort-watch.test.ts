import { describe, expect, it } from "vitest";
import { AbortWatch } from "./call-context.ts";

describe("AbortWatch", () => {
  const never = new Promise<never>(() => {});

  it("comes to what the promise comes to", async () => {
    const watch = new AbortWatch(new AbortController().signal);
    expect(await watch.wait(Promise.resolve(1))).toBe(1);
    await expect(watch.wait(Promise.reject(new Error("no")))).rejects.toThrow("no");
  });

  it("throws the reason of an abort that comes, and of one that has come", async () => {
    const controller = new AbortController();
    const watch = new AbortWatch(controller.signal);
    const waiting = watch.wait(never);
    controller.abort(new Error("late"));
    await expect(waiting).rejects.toThrow("late");
    await expect(watch.wait(never)).rejects.toThrow("late");
    await expect(new AbortWatch(controller.signal).wait(never)).rejects.toThrow("late");
  });

  it("lets nothing of what comes afterwards become an unhandled rejection", async () => {
    const watch = new AbortWatch(AbortSignal.abort(new Error("late")));
    await expect(watch.wait(Promise.reject(new Error("later")))).rejects.toThrow("late");
  });
});
