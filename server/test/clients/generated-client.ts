import { execFileSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeUnless, type Ran, runWell } from "./program.ts";
import { type Rig, startRig } from "./rig.ts";

export const ROOT = join(import.meta.dirname, "../../..");
if (!existsSync(join(ROOT, "third_party"))) {
  execFileSync(process.execPath, [join(ROOT, "scripts/vendor-protos.ts")]);
}

/** A program in another language, over code that was generated from our protos; or what it lacks to run here. */
export type GeneratedClient =
  | {
      readonly command: readonly string[];
      /** Is removed after the tests. */
      readonly folder: string;
      readonly missing?: undefined;
    }
  | { readonly missing: string };

/** What such a program prints. */
interface Report {
  readonly created: { readonly id: string; readonly labels: Record<string, string> };
  readonly duplicate: Failure;
  readonly listed: readonly string[];
  readonly streamed: { readonly words: readonly string[]; readonly ms: number; readonly stopReason: string };
  readonly late: Failure;
  readonly left: Failure;
  readonly watched: { readonly first: string; readonly made: string; readonly id: string };
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly ms: number;
  readonly reason?: string;
  readonly metadata?: Record<string, string>;
}

/** What every one of them must see. */
export function describeGeneratedClient(language: string, client: GeneratedClient): void {
  const missing = client.missing && `the tests in ${language}: ${client.missing}`;
  const { command = [], folder = "" } = client.missing === undefined ? client : {};
  describeUnless(missing)(`a client in ${language}`, () => {
    let rig: Rig;
    let report: Report;
    beforeAll(async () => {
      rig = await startRig();
      const [program = "", ...args] = command;
      report = JSON.parse(await runWell(program, [...args, rig.address, rig.apiKey, rig.endpointUrl]));
    });
    afterAll(async () => {
      await rig.stop();
      rmSync(folder, { recursive: true });
    });

    it("creates an Llm", () => {
      expect(report.created).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), labels: { language } });
    });

    it("is refused a duplicate, with the reason and the id of the first", () => {
      const { id } = report.created;
      expect(report.duplicate).toMatchObject({
        code: "ALREADY_EXISTS",
        message: expect.stringContaining(`the owner has an Llm with the same connection: ${id}; use that one`),
        reason: "LLM_DUPLICATE",
        metadata: { llmId: id, sameRequest: "true" },
      });
    });

    it("lists all pages", () => {
      expect(report.listed).toHaveLength(3);
      expect(report.listed[0]).toBe(report.created.id);
    });

    it("streams a chat, word by word", () => {
      expect(report.streamed).toMatchObject({ words: ["Hello", ", ", "world"], stopReason: "STOP_REASON_END" });
      // Of 100 ms between the first word and the last, a client may miss half while its first call is compiled.
      expect(report.streamed.ms).toBeGreaterThan(20);
    });

    it("has its deadline kept, and the upstream closed", async () => {
      expect(report.late.code).toBe("DEADLINE_EXCEEDED");
      expect(report.late.ms).toBeGreaterThan(200);
      expect(report.late.ms).toBeLessThan(1_500);
      expect(await wasCompleted("silent")).toBe(false);
    });

    it("leaves a stream, and the upstream is closed", async () => {
      expect(report.left.code).toBe("CANCELLED");
      expect(await wasCompleted("stalling")).toBe(false);
    });

    it("sees an Llm be made, in a watch that has caught up", () => {
      const { first, made, id } = report.watched;
      expect({ first, id }).toEqual({ first: "CAUGHT_UP", id: made });
    });

    async function wasCompleted(model: string): Promise<boolean | undefined> {
      const call = rig.upstream.requests.find((request) => request.model === model);
      await call?.closed;
      return call?.wasCompleted;
    }
  });
}

/** Whether a package manager failed because nobody answered, and not because of what it was asked for. */
export function isOffline({ stdout, stderr }: Ran): boolean {
  const said = `${stdout}${stderr}`;
  return /NewConnectionError|ConnectTimeout|ProxyError|SSLError|dial tcp|no such host|i\/o timeout|proxyconnect/.test(
    said,
  );
}
