import { setTimeout as pause } from "node:timers/promises";

/** What was acknowledged, and what was refused and why. */
export class Tally {
  readonly llmIds = new Set<string>();
  chats = 0;
  calls = 0;
  /** How often what failed, such as `old POST /v1/budgets 500`. */
  readonly failures = new Map<string, number>();

  note(failure: string): void {
    this.failures.set(failure, (this.failures.get(failure) ?? 0) + 1);
  }
}

/** A server under load, by its name in the tally. */
export interface Target {
  readonly name: string;
  readonly url: string;
  readonly key: string;
}

/** One call over REST, of which both versions have the same JSON; undefined if it was refused, which is noted. */
export async function call(
  { name, url, key }: Target,
  tally: Tally,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown> | undefined> {
  const shape = path.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "ID").split("?")[0];
  tally.calls++;
  try {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text || "{}");
    const [, reason = ""] = /"reason":\s*"([A-Z_]+)"/.exec(text) ?? [];
    tally.note(`${name} ${method} ${shape} ${response.status} ${reason}`.trim());
  } catch (error) {
    tally.note(`${name} ${method} ${shape} ${(error as Error).cause ?? error}`);
  }
  return undefined;
}

/**
 * What callers do, over and over until told to stop: they make, read, change and list Llms, chat, stream, set budgets and
 * ask for usage. Each goes to the targets that there are at the moment, as behind a load balancer.
 */
export async function underLoad(
  targets: () => readonly Target[],
  upstreamUrl: string,
  tally: Tally,
  stop: AbortSignal,
) {
  let count = 0;
  const one = async (worker: number) => {
    while (!stop.aborted) {
      const all = targets();
      const target = all[(worker + count++) % all.length];
      const isThere = (one: Target) => targets().includes(one);
      if (target) await round({ target, all, isThere }, upstreamUrl, tally, `${worker}-${count}`);
      await pause(20);
    }
  };
  await Promise.all(Array.from({ length: 4 }, (_, worker) => one(worker)));
}

interface Where {
  readonly target: Target;
  readonly all: readonly Target[];
  /** Whether a balancer still sends calls to it. */
  readonly isThere: (one: Target) => boolean;
}

async function round({ target, all, isThere }: Where, upstreamUrl: string, tally: Tally, name: string): Promise<void> {
  const ask = (one: Target, method: string, path: string, body?: object) =>
    isThere(one) ? call(one, tally, method, path, body) : undefined;
  const made = await ask(target, "POST", "/v1/llms", {
    displayName: name,
    providerType: "CUSTOM_OPENAI_COMPATIBLE",
    endpointUrl: `${upstreamUrl}/v1`,
    modelIdentifier: `model-${name}`,
    credentials: { apiKey: { inlineSecret: "sk-canary-0123456789" } },
  });
  const llm = (made?.llm ?? made) as { llmId?: string } | undefined;
  if (!llm?.llmId) return;
  tally.llmIds.add(llm.llmId);
  const path = `/v1/llms/${llm.llmId}`;
  // Each server reads at once what any of them wrote.
  for (const other of all) await ask(other, "GET", path);
  await ask(target, "PATCH", path, { description: "changed" });
  if (await ask(target, "POST", `${path}:chat`, { message: "Hello" })) tally.chats++;
  const other = all.at(-1) ?? target;
  if (await ask(other, "POST", `${path}:chat`, { message: "Hello", newSession: true })) tally.chats++;
  await ask(target, "GET", "/v1/llms?pageSize=10");
  await ask(target, "GET", "/v1/budgets");
  await ask(target, "POST", "/v1/budgets", { llmId: llm.llmId, amount: "25000000000000", period: "DAY" });
  await ask(target, "GET", "/v1/usage");
  await ask(target, "GET", "/v1/auditEvents?pageSize=5");
}
