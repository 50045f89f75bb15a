import { runWell } from "../clients/program.ts";
import type { Example } from "./page.ts";

/** What comes in the place of what a page can only hint at: a host, a key, an id. */
export type Replacements = readonly (readonly [pattern: RegExp | string, replacement: string])[];

/** What a line of curl got. */
export interface CurlAnswer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

/** Runs a line of a page by curl. */
export async function runExample({ words }: Pick<Example, "words">, replacements: Replacements): Promise<CurlAnswer> {
  const line = words.map((word) =>
    replacements.reduce((text, [pattern, replacement]) => text.replaceAll(pattern, () => replacement), word),
  );
  const output = await runWell("curl", ["-sS", "--write-out", "\n%{http_code}", ...line]);
  const end = output.lastIndexOf("\n");
  return { status: Number(output.slice(end + 1)), json: JSON.parse(output.slice(0, end)) };
}
