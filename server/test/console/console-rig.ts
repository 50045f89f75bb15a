import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { findProgram } from "../clients/program.ts";
import { startServer, type TestServer } from "../server/test-server.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";

const executablePath = findProgram("chromium");

/** Why these tests cannot run here; undefined if they can. */
export const missingBrowser = executablePath
  ? undefined
  : "the console in a browser: no chromium on PATH (apt-get install chromium)";

/** Nothing but what the page asks for goes over the network. */
const SWITCHES = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** On a busy machine a page takes its time. */
const PATIENCE_MS = 20_000;

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A server, a scripted endpoint that takes one key, and a browser. */
export interface ConsoleRig {
  readonly server: TestServer;
  readonly upstream: ScriptedUpstream;
  /** What the upstream takes as its key. */
  readonly upstreamKey: string;
  readonly endpointUrl: string;
  /** What any page has complained of in its console, or thrown. */
  readonly complaints: string[];
  /** A page of a browser of its own, at the console. */
  open(options?: BrowserContextOptions, url?: string): Promise<Page>;
  /** The same, signed in. */
  openAs(apiKey: string, options?: BrowserContextOptions): Promise<Page>;
  stop(): Promise<void>;
}

export async function startConsole(settings: Record<string, string> = {}): Promise<ConsoleRig> {
  const upstreamKey = "sk-the-right-key-of-the-upstream";
  const upstream = await ScriptedUpstream.start({ apiKey: upstreamKey });
  const server = await startServer({ EGRESS_ALLOW: upstream.url, ...settings });
  const browser: Browser = await chromium.launch({ executablePath: executablePath as string, args: SWITCHES });
  const complaints: string[] = [];

  const open = async (options: BrowserContextOptions = {}, url = server.url) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      // Chromium writes a line for each answer that is an error, which the page shows in its own way.
      const isOfAnswer = message.text().startsWith("Failed to load resource");
      if (["error", "warning"].includes(message.type()) && !isOfAnswer) complaints.push(message.text());
    });
    await page.goto(url);
    return page;
  };
  return {
    server,
    upstream,
    upstreamKey,
    endpointUrl: `${upstream.url}/v1`,
    complaints,
    open,
    async openAs(apiKey, options) {
      const page = await open(options);
      await signIn(page, apiKey);
      return page;
    },
    async stop() {
      await browser.close();
      await server.stop();
      await upstream.close();
    },
  };
}

export async function signIn(page: Page, apiKey: string): Promise<void> {
  await page.getByLabel("API key").fill(apiKey);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Llms", level: 1 }).waitFor();
}

/** Leads to a path of the console, as a link does. */
export async function goTo(page: Page, path: string): Promise<void> {
  await page.evaluate((path) => {
    location.hash = path;
  }, path);
}

/** What axe finds wrong by WCAG 2.2 AA, each as the rule and where it is broken. */
export async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations } = await axe.run(document, { runOnly: tags });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`),
    );
  });
}
