import { setTimeout as pause } from "node:timers/promises";
import { Agent, fetch } from "undici";
import { MODEL } from "./fleet.ts";

/** Where a fleet is reached by one name, in the words of OpenAI's API. */
export interface Gateway {
  readonly name: string;
  readonly url: string;
  readonly key: string;
}

/** What came of one call. */
export interface Outcome {
  /** `failed` before the first piece of a reply, or `cut` after it. */
  readonly result: "ok" | "failed" | "cut";
  /** Whether a stream that was cut said so, and did not look like a reply that came to its end. */
  readonly isTold: boolean;
  /** The member that replied; empty if none did. */
  readonly member: string;
  /** Calls that found nobody who listens, as far as the gateway says. */
  readonly unheard: number;
  readonly endedAt: number;
}

/** Streams one chat. */
export async function chat({ url, key }: Gateway, agent: Agent): Promise<Outcome> {
  const told = { isTold: true, member: "", unheard: 0 };
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      dispatcher: agent,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: MODEL, stream: true, messages: [{ role: "user", content: "Hi" }] }),
    });
    const attempts = response.headers.get("patchbay-attempts") ?? "";
    const unheard = attempts.split("UPSTREAM_UNREACHABLE").length - 1;
    const { text, isWhole } = await read(response);
    const member = /"content":\s*"([abc])"/.exec(text)?.[1] ?? "";
    const hasPiece = /"content":\s*"[^"]/.test(text);
    const isEnded = isWhole && text.includes("data: [DONE]");
    const hasError = /"error"|event: error/.test(text);
    const facts = { ...told, member, unheard, endedAt: Date.now() };
    if (response.ok && isEnded && hasPiece && !hasError && text.includes("hello")) return { ...facts, result: "ok" };
    if (!response.ok || !hasPiece) return { ...facts, result: "failed" };
    return { ...facts, result: "cut", isTold: !isEnded || hasError };
  } catch {
    return { ...told, result: "failed", endedAt: Date.now() };
  }
}

async function read(response: Awaited<ReturnType<typeof fetch>>): Promise<{ text: string; isWhole: boolean }> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const piece of response.body ?? []) text += decoder.decode(piece, { stream: true });
    return { text, isWhole: true };
  } catch {
    return { text, isWhole: false };
  }
}

/** Some callers, each of whom asks again when it has its reply, for as long as is wanted; what came of each call. */
export async function drive(
  gateway: Gateway,
  { callers, goOn, paceMs = 0 }: { callers: number; goOn: (made: number) => boolean; paceMs?: number },
): Promise<readonly Outcome[]> {
  const agent = new Agent({ connections: callers, keepAliveTimeout: 60_000 });
  const outcomes: Outcome[] = [];
  let made = 0;
  const caller = async () => {
    while (goOn(made)) {
      made++;
      outcomes.push(await chat(gateway, agent));
      if (paceMs > 0) await pause(paceMs);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  await agent.close();
  return outcomes;
}
