import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeUnless, run } from "../../../server/test/clients/program.ts";
import { openEnvironment } from "../../../server/test/clients/python-environment.ts";
import { type Rig, startRig } from "../../../server/test/clients/rig.ts";

const { python, missing } = await openEnvironment(join(import.meta.dirname, "requirements.txt"));

describeUnless(missing && `the SDKs of the reference pages: ${missing}`)("the SDK of a reference page", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig();
  });
  afterAll(() => rig.stop());

  it.each([
    { name: "003, goodmem", program: "goodmem_calls.py" },
    { name: "000, discolike", program: "discolike_calls.py" },
    { name: "000, the command discolike,", program: "discolike_commands.py" },
  ])("of $name makes every call that concerns LLMs", async ({ program }) => {
    const { apiKey } = await rig.server.addAccount("OWNER");
    const args = [join(import.meta.dirname, program), rig.server.url, apiKey, rig.endpointUrl];
    const { exitCode, stdout, stderr } = await run(python as string, args, { timeoutMs: 120_000 });
    expect(`${stdout}${stderr}`).toBe("ok\n");
    expect(exitCode).toBe(0);
  });
});
