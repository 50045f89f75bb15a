import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "../../../server/test/clients/generated-client.ts";
import { run } from "../../../server/test/clients/program.ts";
import { install, NotReached } from "../../programs/install.ts";

const DOCUMENT = join(ROOT, "gen/openapi.json");
const LINTERS = ["@redocly/cli@2.77.0", "@stoplight/spectral-cli@6.16.3"];

it.each([
  { name: "redocly", args: ["lint", DOCUMENT, "--format=stylish", "--max-problems=50"], warning: /\bwarning|\berror/i },
  { name: "spectral", args: ["lint", DOCUMENT, "--fail-severity=hint"], warning: /\d+ problem/ },
])("/openapi.json is accepted by $name without a warning", async ({ name, args, warning }) => {
  const modules = installed();
  if (!modules) return void console.log(`skipped: ${name}: no registry is reached`);
  // Their recommended rules, and none of a file that happens to be above.
  const folder = mkdtempSync(join(tmpdir(), "patchbay-lint-"));
  writeFileSync(join(folder, ".spectral.yaml"), 'extends: ["spectral:oas"]\n');
  writeFileSync(join(folder, "redocly.yaml"), "extends: [recommended]\n");
  const { exitCode, stdout, stderr } = await run("node", [join(modules, ".bin", name), ...args], {
    cwd: folder,
    env: { REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" },
    timeoutMs: 300_000,
  });
  rmSync(folder, { recursive: true });
  expect(`${stdout}${stderr}`).not.toMatch(warning);
  expect(exitCode).toBe(0);
});

function installed(): string | undefined {
  try {
    return join(install({ from: "npm", names: LINTERS }), "node_modules");
  } catch (error) {
    if (error instanceof NotReached) return undefined;
    throw error;
  }
}
