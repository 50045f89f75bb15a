import { spawn } from "node:child_process";
import { join } from "node:path";
import { endsWithUs, folder, freePort, untilThere } from "./servers.ts";

const root = join(import.meta.dirname, "../..");

/** What of an answer is looked at. */
export interface Answer {
  readonly llmId?: string;
  readonly llm?: { readonly llmId: string };
  readonly outcome?: string;
  readonly reason?: string;
  readonly sessionId?: string;
  readonly message?: {
    readonly content?: string;
    readonly toolCalls?: readonly { readonly name: string; readonly arguments: string }[];
  };
  readonly statuses?: readonly { readonly code: string }[];
  readonly usageSource?: string;
  readonly error?: {
    readonly message: string;
    readonly details?: readonly { readonly reason?: string; readonly metadata?: Record<string, string> }[];
  };
}

/** A Patchbay of its own that may reach one server. */
export class Patchbay {
  readonly #base: string;
  readonly #key: string;

  private constructor(base: string, key: string) {
    this.#base = base;
    this.#key = key;
  }

  static async start(allow: string): Promise<Patchbay> {
    const port = await freePort();
    const child = spawn(join(root, "node_modules/.bin/node"), ["server/main.ts"], {
      cwd: root,
      env: {
        ...process.env,
        PORT: String(port),
        DATA_DIR: join(folder, `data-${process.pid}-${port}`),
        EGRESS_ALLOW: allow,
        LOG_LEVEL: "error",
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    endsWithUs(child);
    const key = await new Promise<string>((done, failed) => {
      let output = "";
      child.once("exit", () => failed(new Error(`the server ended: ${output.slice(-500)}`)));
      child.stdout?.on("data", (piece) => {
        output += piece;
        const found = /pb_live_[A-Za-z0-9_-]+/.exec(output);
        if (found) done(found[0]);
      });
    });
    await untilThere(`http://127.0.0.1:${port}/readyz`, {}, 60);
    return new Patchbay(`http://127.0.0.1:${port}`, key);
  }

  async call(path: string, body: object, signal?: AbortSignal): Promise<Answer> {
    const response = await this.#post(path, body, signal);
    return (await response.json()) as Answer;
  }

  /** Begins a stream, and leaves it after its first bytes and a while. */
  async beginStream(path: string, body: object, ms: number): Promise<void> {
    const leave = new AbortController();
    const response = await this.#post(path, body, leave.signal);
    await response.body?.getReader().read();
    await new Promise((done) => setTimeout(done, ms));
    leave.abort();
  }

  async create(llm: object): Promise<string> {
    const { llmId, llm: made, error } = await this.call("/v1/llms", { displayName: "upstream", ...llm });
    if (error) throw new Error(error.message);
    return llmId ?? made?.llmId ?? "";
  }

  async update(llmId: string, change: object): Promise<void> {
    const headers = { authorization: `Bearer ${this.#key}`, "content-type": "application/json" };
    const body = JSON.stringify(change);
    const response = await fetch(`${this.#base}/v1/llms/${llmId}`, { method: "PATCH", headers, body });
    if (!response.ok) throw new Error(await response.text());
  }

  #post(path: string, body: object, signal: AbortSignal | undefined): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#key}`, "content-type": "application/json" };
    return fetch(this.#base + path, { method: "POST", headers, body: JSON.stringify(body), ...(signal && { signal }) });
  }
}

/** Why a call was refused, or OK. */
export function reasonOf(answer: Answer): string {
  return answer.error?.details?.find(({ reason }) => reason)?.reason ?? (answer.error ? "an error" : "OK");
}

const results: { readonly name: string; readonly problem: string | undefined }[] = [];

/** Compares, prints, and remembers. */
export function note(name: string, expected: string, got: string | undefined): void {
  const problem = got === expected ? undefined : `expected ${expected}, got ${got}`;
  results.push({ name, problem });
  console.log(`${problem ? "FAILED" : "passed"} ${name}${problem ? `: ${problem}` : ""}`);
}

/** How many passed; prints those that did not. */
export function conclude(): boolean {
  const failed = results.filter(({ problem }) => problem);
  for (const { name, problem } of failed) console.log(`FAILED ${name}: ${problem}`);
  console.log(`${results.length - failed.length} passed, ${failed.length} failed`);
  return failed.length === 0;
}
