import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../server/test/clients/generated-client.ts";
import { runWell } from "../../server/test/clients/program.ts";
import { type Rig, startRig } from "../../server/test/clients/rig.ts";
import { linesOf } from "./readme.ts";

let rig: Rig;
let folder: string;
beforeAll(async () => {
  rig = await startRig();
  folder = mkdtempSync(join(tmpdir(), "patchbay-npm-"));
  await runWell("npm", ["run", "client:build", "--", "typescript"], { cwd: ROOT, timeoutMs: 300_000 });
  const packed = await runWell("npm", ["pack", "--silent", "--pack-destination", folder], {
    cwd: join(ROOT, "dist-client/typescript"),
    timeoutMs: 60_000,
  });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const install = [
    "install",
    "--no-audit",
    "--no-fund",
    join(folder, packed.trim()),
    "typescript@7.0.2",
    "@types/node@24",
  ];
  await runWell("npm", install, { cwd: folder, timeoutMs: 300_000 });
});
afterAll(async () => {
  await rig.stop();
  rmSync(folder, { recursive: true });
});

describe("@patchbay/client, installed into an empty project", () => {
  it("runs the lines of its README", async () => {
    writeFileSync(join(folder, "readme.mjs"), linesOf(join(ROOT, "client/typescript/README.md"), "ts"));
    const env = { PATCHBAY_URL: rig.server.url, PATCHBAY_KEY: rig.apiKey };
    const said = await runWell("node", ["readme.mjs"], { cwd: folder, env });
    expect(said).toMatch(/.+LLM_NOT_FOUND\n$/s);
  });

  it("has types, to a compiler that reads no sources of ours", async () => {
    const lines = linesOf(join(ROOT, "client/typescript/README.md"), "ts")
      .replaceAll(/process\.env\.(\w+)/g, 'process.env.$1 ?? ""')
      .replace("llm.llmId", 'llm?.llmId ?? ""');
    writeFileSync(join(folder, "readme.mts"), lines);
    const flags = [
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2022",
      "--types",
      "node",
      "readme.mts",
    ];
    expect(await runWell("npx", ["tsc", ...flags], { cwd: folder, timeoutMs: 120_000 })).toBe("");
  });

  it("leaves out what a program does not use", async () => {
    writeFileSync(
      join(folder, "small.mjs"),
      'import { problemOf } from "@patchbay/client";\nconsole.log(problemOf(1));\n',
    );
    writeFileSync(
      join(folder, "large.mjs"),
      'import { createPatchbay } from "@patchbay/client";\nconsole.log(createPatchbay);\n',
    );
    const sizeOf = async (input: string) => {
      const bundle = await rolldown({ input: join(folder, input), platform: "browser", logLevel: "silent" });
      const { output } = await bundle.generate({ minify: true });
      return output[0].code.length;
    };
    expect(await sizeOf("small.mjs")).toBeLessThan((await sizeOf("large.mjs")) / 1.5);
    expect(readFileSync(join(folder, "node_modules/@patchbay/client/package.json"), "utf8")).toContain(
      '"sideEffects": false',
    );
  });
});
