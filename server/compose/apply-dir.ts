import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createConnectTransport } from "@connectrpc/connect-web";
import { readManifests } from "../../client/cli/apply/manifest.ts";
import { plan, readPresent, type Step } from "../../client/cli/apply/plan.ts";
import { carryOut, type Outcome } from "../../client/cli/apply/steps.ts";
import { connectionOver } from "../../client/cli/calls/connection.ts";
import { isCallError, UsageError } from "../../client/cli/failure.ts";
import { problemOf } from "../../client/llm.ts";
import type { Logger } from "../base/log.ts";
import type { ApplyDirConfig } from "../config/apply-dir.ts";
import type { Store } from "../store/store.ts";
import { Egress } from "../upstream/egress/egress.ts";
import { InMemoryListener } from "../wire/http/in-memory.ts";
import type { NodeHandler } from "../wire/http/listen.ts";
import type { AppliedState } from "../wire/observe/metrics.ts";

/** Any number will do, as long as every server takes the same. */
const APPLY_LOCK = 5_063_100_007;
/** What was changed by other means is changed back after this long at the latest. */
const DRIFT_MS = 5 * 60_000;
/** The URL of this process, for itself. */
const SELF = "patchbay:self";
/** A page of a thousand Llms is far smaller. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20;

/**
 * Applies a folder of manifests to the server that it is part of, by its own rpcs, as whoever has the key would: when the
 * files change, when some of them could not be applied, and from time to time. The folder is read again and again instead
 * of watched: that also sees the swapped links of Kubernetes, and works on network file systems. Of several servers with
 * the same folder one is at work at a time.
 */
export class ApplyDir implements AppliedState {
  isApplied = false;
  appliedAt: number | undefined;
  readonly #config: ApplyDirConfig;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #done = { digest: "", at: 0 };
  #complaint = "";

  constructor(config: ApplyDirConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
  }

  /** Begins, once the server answers. */
  start(store: Store, handler: NodeHandler): void {
    const listener = new InMemoryListener(handler);
    const egress = new Egress({ allow: [], locals: [{ url: SELF, connect: () => listener.connect() }] });
    this.#loop = this.#goOn(store, egress).finally(async () => {
      await egress.close();
      listener.close();
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #goOn(store: Store, egress: Egress): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#look(store, egress);
      } catch (error) {
        this.#failed(error);
      }
      await sleep(this.#config.everyMs, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => {});
    }
  }

  async #look(store: Store, egress: Egress): Promise<void> {
    const digest = digestOf(this.#config.dir);
    const isDue = digest !== this.#done.digest || Date.now() - this.#done.at > DRIFT_MS;
    if (this.isApplied && !isDue) return;
    const applied = await store.exclusively(APPLY_LOCK, () => this.#apply(egress));
    if (!applied) return; // Another server is at it; the next look finds what it has left.
    if (this.#stopping.signal.aborted) return;
    this.#done = { digest, at: Date.now() };
    this.isApplied = applied.result;
    if (!this.isApplied) return;
    this.appliedAt = Date.now();
    this.#complaint = "";
  }

  /** Whether everything is as the manifests say. */
  async #apply(egress: Egress): Promise<boolean> {
    const { dir, prune } = this.#config;
    const connection = connectionOver(SELF, this.#transport(egress));
    const wanted = await readManifests([dir], refuseSecrets);
    if (wanted.length === 0 && prune) throw new UsageError(`${dir} is empty: with APPLY_PRUNE, everything would go.`);
    const steps = await plan(connection, wanted, await readPresent(connection), prune && { ...prune });
    const { failed } = await carryOut(connection, steps, () => {});
    if (steps.length > 0) this.#log.info({ dir, ...countsOf(steps), failed: failed.length }, "APPLY_DIR was applied");
    this.#tell(failed);
    return failed.length === 0;
  }

  /** What is refused is tried again at each look, and told when it changes. */
  #tell(failed: Outcome["failed"]): void {
    const complaints = failed.map(({ step: { kind, verb, name }, error }) => {
      const { reason, message } = problemOf(error);
      return { kind, verb, thing: name, reason, problem: message };
    });
    const complaint = JSON.stringify(complaints);
    if (complaint === this.#complaint) return;
    this.#complaint = complaint;
    for (const facts of complaints) this.#log.warn(facts, "a thing of APPLY_DIR was not applied");
  }

  /** The same complaint is told once. */
  #failed(error: unknown): void {
    this.isApplied = false;
    if (this.#stopping.signal.aborted) return;
    const isExpected = error instanceof UsageError || isCallError(error);
    const problem = isExpected ? (isCallError(error) ? problemOf(error).message : error.message) : "an internal error";
    if (problem === this.#complaint) return;
    this.#complaint = problem;
    const facts = { dir: this.#config.dir, problem, ...(isExpected ? {} : { err: error }) };
    this.#log.error(facts, "APPLY_DIR cannot be applied, and nothing of it was");
  }

  #transport(egress: Egress) {
    const { key } = this.#config;
    const apiKey = "file" in key ? readFileSync(key.file, "utf8").trim() : key.reveal();
    return createConnectTransport({
      baseUrl: "http://self",
      interceptors: [
        (next) => (request) => {
          request.header.set("authorization", `Bearer ${apiKey}`);
          return next(request);
        },
      ],
      fetch: async (input, { headers, body } = {}) => {
        const response = await egress.request({
          ownerId: "operator",
          url: SELF + new URL(String(input)).pathname,
          method: "POST",
          headers: Object.fromEntries(new Headers(headers)),
          body: Buffer.from(body as Uint8Array | string),
          streamed: false,
          signal: this.#stopping.signal,
        });
        const known = Object.entries(response.headers).map(
          ([name, value]) => [name, String(value)] as [string, string],
        );
        return new Response(await response.text(MAX_ANSWER_BYTES), { status: response.status, headers: known });
      },
    });
  }
}

/** What is in all files, and what they are called. */
function digestOf(dir: string): string {
  const hash = createHash("sha256");
  for (const file of globSync("**/*.{yaml,yml,json}", { cwd: dir }).sort()) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(dir, file)))
      .update("\0");
  }
  return hash.digest("hex");
}

/** A manifest that a server applies is read by whoever may write to a repository: it opens no variable and no file. */
async function refuseSecrets(): Promise<never> {
  throw new UsageError(
    "secretFrom is for the command. In APPLY_DIR, say where the server finds the key: credentials.apiKey.secretRef: " +
      "{uri: env://NAME}, which SECRET_REFS has to allow.",
  );
}

function countsOf(steps: readonly Step[]) {
  const count = (verb: Step["verb"]) => steps.filter((step) => step.verb === verb).length;
  return { created: count("create"), updated: count("update"), deleted: count("delete") };
}
