import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";

/** What a person typed, and what is aborted when they stop the answer to it. */
export interface Line {
  readonly text: string;
  readonly signal: AbortSignal;
}

/** How many lines are kept. */
const MAX_LINES = 1_000;

/** Lines of a conversation, with those of before to go back to; ends with Ctrl-D, or with Ctrl-C at an empty prompt. */
export async function* readLines(prompt: string, historyFile: string): AsyncGenerator<Line> {
  const history = readHistory(historyFile);
  const { stdin: input, stdout: output } = process;
  const lines = createInterface({ input, output, history, historySize: MAX_LINES, removeHistoryDuplicates: true });
  let answering: AbortController | undefined;
  const asking = new AbortController();
  lines.on("SIGINT", () => (answering ? answering.abort() : asking.abort()));
  lines.on("close", () => asking.abort());
  try {
    for (;;) {
      const text = (await lines.question(prompt, { signal: asking.signal })).trim();
      if (historyFile !== "" && text !== "") keepLine(historyFile, text);
      answering = new AbortController();
      yield { text, signal: answering.signal };
      answering = undefined;
    }
  } catch (error) {
    if ((error as Error).name !== "AbortError") throw error;
    output.write("\n");
  } finally {
    lines.close();
  }
}

function readHistory(file: string): string[] {
  if (file === "" || !existsSync(file)) return [];
  return readFileSync(file, "utf8").split("\n").filter(Boolean).reverse().slice(0, MAX_LINES);
}

function keepLine(file: string, text: string): void {
  if (!existsSync(file)) writeFileSync(file, "", { mode: 0o600 });
  chmodSync(file, 0o600);
  appendFileSync(file, `${text}\n`);
}
