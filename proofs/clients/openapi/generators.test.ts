import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../../server/test/clients/program.ts";
import { type Rig, startRig } from "../../../server/test/clients/rig.ts";
import { NotReached } from "../../programs/install.ts";
import { fetchContract, missingOf } from "../served.ts";
import { GENERATORS, type Generator } from "./generators.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.stop());

/** Makes a client; says what is missing for that. */
async function make({ needs, make: generate }: Generator, folder: string): Promise<string | undefined> {
  try {
    return missingOf(...needs) ?? (await generate(folder));
  } catch (error) {
    if (error instanceof NotReached) return error.message;
    throw error;
  }
}

describe("a client of /openapi.json", () => {
  it.each(GENERATORS)("by $name compiles, creates, lists, and reads why not", async (generator) => {
    const folder = await fetchContract("openapi");
    const missing = await make(generator, folder);
    if (missing) return void console.log(`skipped: a client by ${generator.name}: ${missing}`);
    const { apiKey } = await rig.server.addAccount("OWNER");
    const [program = "", ...args] = generator.command(folder);
    const env = { PATCHBAY_URL: rig.server.url, PATCHBAY_KEY: apiKey };
    const { stdout, stderr } = await run(program, args, { cwd: folder, env, timeoutMs: 60_000 });
    rmSync(folder, { recursive: true });
    expect(`${stdout}${stderr}`).toBe("true LLM_DUPLICATE\n");
  });
});
