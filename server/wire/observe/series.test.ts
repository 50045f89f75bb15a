import { Histogram as PromHistogram, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { Histogram, SeriesMap } from "./series.ts";

describe("Histogram", () => {
  const labelNames = ["rpc", "protocol", "code"];
  const options = { name: "seconds", help: "How long it took.", labelNames, buckets: [0.001, 0.5, 2.5] };
  const observed = [
    [0, "Chat", "rest", "Ok"],
    [0.0005, "Chat", "rest", "Ok"],
    [0.001, "Chat", "rest", "Ok"],
    [0.0011, "Chat", "rest", ""],
    [2.5, "Chat", "grpc", "Ok"],
    [2.6, "Chat", "rest", "Ok"],
    [300, 'a "quoted"\n\\ name', "rest", "Ok"],
  ] as const;

  it("is written as prom-client writes the same", async () => {
    const [ours, theirs] = [new Registry(), new Registry()];
    const histogram = new Histogram({ ...options, registry: ours });
    const expected = new PromHistogram({ ...options, registers: [theirs] });
    expect(await ours.metrics()).toBe(await theirs.metrics());
    for (const [value, rpc, protocol, code] of observed) {
      histogram.observe(value, rpc, protocol, code);
      expected.observe({ rpc, protocol, code }, value);
    }
    const lines = async (registry: Registry) => (await registry.metrics()).split("\n").sort();
    expect(await lines(ours)).toEqual(await lines(theirs));
    expect((await lines(ours)).length).toBeGreaterThan(4 * 6);
  });
});

describe("SeriesMap", () => {
  it("has a series for each set of values, in whichever order they come", () => {
    const series = new SeriesMap(["a", "b"], () => ({ count: 0 }));
    for (const [a, b] of [
      ["x", "y"],
      ["y", "x"],
      ["x", "y"],
      ["x", ""],
    ] as const) {
      series.at(a, b).count += 1;
    }
    expect([...series.entries()]).toEqual([
      { labels: { a: "x", b: "y" }, series: { count: 2 } },
      { labels: { a: "x", b: "" }, series: { count: 1 } },
      { labels: { a: "y", b: "x" }, series: { count: 1 } },
    ]);
  });
});
