import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMPILE_CACHE } from "../test/server/server-process.ts";
import { startServer, type TestServer } from "../test/server/test-server.ts";
import { llmRequest } from "../test/service/llm-requests.ts";

const run = promisify(execFile);

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

/** What the command printed of an account, and its exit code. */
async function verify(accountId: string, ...more: string[]): Promise<{ line: string; exitCode: number }> {
  const args = [join(import.meta.dirname, "patchbay.ts"), "audit", "verify", ...more];
  const env = { PATH: process.env.PATH ?? "", NODE_COMPILE_CACHE: COMPILE_CACHE, ...server.settings };
  const { stdout, exitCode } = await run(process.execPath, args, { env }).then(
    (ran) => ({ ...ran, exitCode: 0 }),
    ({ stdout, code }) => ({ stdout, exitCode: Number(code) }),
  );
  const line = stdout.split("\n").find((one: string) => one.startsWith(accountId)) ?? "";
  return { line: line.slice(accountId.length + 2), exitCode };
}

describe("audit verify, beside a running server", { timeout: 120_000 }, () => {
  it("finds what was cut off or written anew, once the end of a log was noted elsewhere", async () => {
    const { accountId, apiKey } = await server.addAccount("OWNER");
    const { llms } = server.client(apiKey);
    for (let n = 0; n < 3; n++) await llms.createLlm(llmRequest());
    const whole = await verify(accountId);
    expect(whole).toEqual({ line: expect.stringMatching(/^whole {2}3:[0-9a-f]{64}$/), exitCode: 0 });
    const head = `${accountId}=${whole.line.split("  ")[1]}`;
    expect((await verify(accountId, "--head", head)).exitCode).toBe(0);

    const em = server.store.fork();
    await em.execute("delete from audit_event where account_id = ? and sequence = 3", [accountId]);
    await em.execute(
      `update audit_chain set sequence = 2,
         hash = (select hash from audit_event where audit_event.account_id = audit_chain.account_id and sequence = 2)
       where account_id = ?`,
      [accountId],
    );
    expect((await verify(accountId)).exitCode).toBe(0);
    expect(await verify(accountId, "--head", head)).toMatchObject({
      line: expect.stringContaining("WRONG: event 3 was there once, and the chain ends with 2"),
      exitCode: 1,
    });
    await llms.createLlm(llmRequest());
    expect(await verify(accountId, "--head", head)).toMatchObject({
      line: expect.stringContaining("WRONG: event 3 was another one once"),
      exitCode: 1,
    });
  });

  it("says what is wrong with a word that it does not know", async () => {
    const args = [join(import.meta.dirname, "patchbay.ts"), "audit"];
    const failed = await run(process.execPath, [...args, "verify", "--head", "x"]).catch((error) => error);
    expect(failed.stderr).toContain("it must be ACCOUNT=SEQUENCE:HASH");
    const { stdout } = await run(process.execPath, [...args, "verify", "--help"]);
    expect(stdout).toContain("patchbay audit verify");
  });
});
