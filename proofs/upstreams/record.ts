import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { folder, versionOf } from "./servers.ts";

/** A request of a server, and the name of what it answers. */
export interface Recording {
  readonly name: string;
  readonly body: object;
  readonly key?: string;
}

const FIXTURES = join(import.meta.dirname, "../../server/upstream/openai/fixtures");

/** Headers that tell of a reply; all others are of the day, or of the machine. */
const KEPT =
  /^(content-type|retry-after|x-litellm-(response-cost|attempted-fallbacks)|llm_provider-(date|retry-after))$/;

/** Writes down what a server answers, as fixtures that `npm test` reads: with `--record`. */
export async function record(file: string, server: string, url: string, recordings: readonly Recording[]) {
  if (!process.argv.includes("--record")) return;
  const replies = [];
  for (const { name, body, key = "sk-right" } of recordings) {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const response = await fetch(`${url}/chat/completions`, { method: "POST", headers, body: JSON.stringify(body) });
    const told = Object.fromEntries([...response.headers].filter(([header]) => KEPT.test(header)));
    replies.push({
      name,
      status: response.status,
      headers: told,
      text: (await response.text()).replaceAll(`${folder}/`, ""),
    });
  }
  writeFileSync(join(FIXTURES, file), `${JSON.stringify({ version: versionOf(server), replies }, undefined, 2)}\n`);
}
