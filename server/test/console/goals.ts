import type { Page } from "playwright-core";

/** How much slower than this machine the processor is that the goals are about. */
export const THROTTLE = 4;

export const GOALS = { javascriptKb: 250, firstTableMs: 1_000, keyMs: 50 } as const;

/** What the console took until its first table stood there, on a cold cache and a slow processor. */
export interface FirstTable {
  readonly javascriptKb: number;
  /** By the clock, from the first byte that was asked for. */
  readonly drawnMs: number;
  /** Of these, what the page's own thread computed: what other work on the machine adds to the clock is not in it. */
  readonly computedMs: number;
  readonly scriptMs: number;
  readonly layoutMs: number;
}

/** Loads the page anew, with the session that its tab has. */
export async function measureFirstTable(page: Page): Promise<FirstTable> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  await devtools.send("Network.clearBrowserCache");
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: THROTTLE });
  await page.reload({ waitUntil: "commit" });
  // The page tells when its row was painted: whoever waits for it from outside hears of it later.
  const { drawnMs, bytes } = await page.evaluate(async () => {
    const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    while (document.querySelectorAll("tbody a[data-row]").length < 20) await painted();
    await painted();
    const resources = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    const bytes = resources
      .filter(({ name }) => name.endsWith(".js"))
      .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0);
    return { drawnMs: performance.now(), bytes };
  });
  const { metrics } = await devtools.send("Performance.getMetrics");
  const ms = (name: string) => 1_000 * (metrics.find((metric) => metric.name === name)?.value ?? Number.NaN);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  await devtools.detach();
  return {
    javascriptKb: bytes / 1_000,
    drawnMs,
    computedMs: ms("TaskDuration"),
    scriptMs: ms("ScriptDuration"),
    layoutMs: ms("LayoutDuration") + ms("RecalcStyleDuration"),
  };
}

/** Types into the search of Llms; how long each key took until the page was painted with it, in milliseconds. */
export async function measureKeys(page: Page, words: string): Promise<readonly number[]> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: THROTTLE });
  await page.evaluate(() => {
    const keys: number[] = [];
    Object.assign(globalThis, { keys });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (entry.name === "keydown") keys.push(entry.duration);
    }).observe({ type: "event", durationThreshold: 16 } as PerformanceObserverInit);
  });
  await page.getByRole("searchbox").pressSequentially(words, { delay: 80 });
  await page.waitForTimeout(500);
  const slow = await page.evaluate(() => (globalThis as unknown as { keys: number[] }).keys);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  await devtools.detach();
  // Of a key that took less than 16 ms, a browser tells nothing.
  return [...slow, ...Array.from({ length: Math.max(0, words.length - slow.length) }, () => 16)].sort((a, b) => a - b);
}

/** The middle one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
