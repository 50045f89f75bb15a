import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { isOffline, ROOT } from "../../server/test/clients/generated-client.ts";
import { describeUnless, findProgram, run, runWell } from "../../server/test/clients/program.ts";
import { type Rig, startRig } from "../../server/test/clients/rig.ts";
import { linesOf } from "./readme.ts";
import { tell } from "./served.ts";

const BUILT = join(ROOT, "dist-client");
const VERSION = "0.1.0";
/** What the lines of both READMEs print: a reply, the same as a stream, and why there cannot be a second. */
const SAID =
  /^(.+)\n\1\nLLM_DUPLICATE: the owner has an Llm with the same connection: [0-9a-f-]{36}; use that one.*\n$/s;

/** Builds a package; says what is missing for that. */
async function build(name: "python" | "go", program: string): Promise<string | undefined> {
  if (findProgram(program) === undefined) return `${program} is not on PATH`;
  tell(`the package for ${name}: is built`);
  const built = await run("npm", ["run", "client:build", "--", name], { cwd: ROOT, timeoutMs: 600_000 });
  if (isOffline(built)) return "no registry is reached";
  if (built.exitCode !== 0) throw new Error(`client:build failed: ${built.stderr}${built.stdout}`);
  return undefined;
}

const [pythonMissing, goMissing] = [await build("python", "python3"), await build("go", "go")];

let rig: Rig;
let folder: string;
beforeAll(async () => {
  rig = await startRig();
  folder = mkdtempSync(join(tmpdir(), "patchbay-packages-"));
});
afterAll(async () => {
  await rig.stop();
  rmSync(folder, { recursive: true });
});

/** Of an account that has nothing yet. */
async function environment(): Promise<Record<string, string>> {
  const { apiKey } = await rig.server.addAccount("OWNER");
  return { PATCHBAY_URL: rig.server.url, PATCHBAY_KEY: apiKey };
}

describeUnless(pythonMissing && `the package for Python: ${pythonMissing}`)("patchbay-client for Python", () => {
  it.each([
    { kind: "wheel", file: `patchbay_client-${VERSION}-py3-none-any.whl` },
    { kind: "sdist", file: `patchbay_client-${VERSION}.tar.gz` },
  ])("installed from its $kind into an empty environment, runs the lines of its README", async ({ kind, file }) => {
    await runWell("python3", ["-m", "venv", join(folder, kind)], { timeoutMs: 120_000 });
    const python = join(folder, kind, "bin/python");
    const install = ["-m", "pip", "install", "--quiet", join(BUILT, "python/dist", file)];
    await runWell(python, install, { timeoutMs: 600_000 });
    writeFileSync(join(folder, "readme.py"), linesOf(join(ROOT, "client/python/README.md"), "python"));
    // A warning would be every user's.
    const said = await runWell(python, ["-W", "error", "readme.py"], { cwd: folder, env: await environment() });
    expect(said).toMatch(SAID);
  });

  it("does the same with asyncio", async () => {
    writeFileSync(join(folder, "later.py"), ASYNC);
    const python = join(folder, "wheel/bin/python");
    expect(await runWell(python, ["later.py"], { cwd: folder, env: await environment() })).toMatch(SAID);
  });
});

const ASYNC = `
import asyncio, os, grpc, patchbay
from patchbay.v1 import chat_service_pb2, chat_service_pb2_grpc, llm_pb2, llm_service_pb2, llm_service_pb2_grpc

async def main():
    async with patchbay.connect_async(os.environ["PATCHBAY_URL"], os.environ["PATCHBAY_KEY"]) as channel:
        llms = llm_service_pb2_grpc.LlmServiceStub(channel)
        chat = chat_service_pb2_grpc.ChatServiceStub(channel)
        request = llm_service_pb2.CreateLlmRequest(
            display_name="Later", provider_type=llm_pb2.Llm.VLLM, endpoint_url="patchbay:demo", model_identifier="demo"
        )
        llm_id = (await llms.CreateLlm(request)).llm.llm_id
        print((await chat.Chat(chat_service_pb2.ChatRequest(llm_id=llm_id, message="Hello"))).message.content)
        async for event in chat.StreamChat(chat_service_pb2.StreamChatRequest(llm_id=llm_id, message="Hello")):
            print(event.text_delta, end="")
        try:
            await llms.CreateLlm(request)
        except grpc.RpcError as error:
            problem = patchbay.problem_of(error)
            print(f"\\n{problem.reason}: {problem.message}")

asyncio.run(main())
`;

describeUnless(goMissing && `the module for Go: ${goMissing}`)("patchbay.internal/patchbay for Go", () => {
  it.each([
    {
      way: "by the name of its folder",
      add: [
        ["mod", "edit", `-require=patchbay.internal/patchbay@v${VERSION}`],
        ["mod", "edit", `-replace=patchbay.internal/patchbay=${join(BUILT, "go/patchbay")}`],
      ],
      proxies: [],
    },
    {
      way: "from a module proxy",
      add: [["get", `patchbay.internal/patchbay@v${VERSION}`]],
      proxies: [`file://${join(BUILT, "go/proxy")}`],
    },
  ])("added to an empty module $way, runs the lines of its README", async ({ way, add, proxies }) => {
    const app = join(folder, way.replaceAll(" ", "-"));
    mkdirSync(app);
    writeFileSync(join(app, "main.go"), linesOf(join(ROOT, "client/go/README.md"), "go"));
    const usual = (await runWell("go", ["env", "GOPROXY"])).trim();
    const cache = join(folder, "modules");
    const env = {
      ...(await environment()),
      GOTOOLCHAIN: "local",
      CGO_ENABLED: "0",
      GONOSUMDB: "patchbay.internal",
      // What an earlier build left under the same version is not looked at.
      ...(proxies.length > 0 && { GOPROXY: [...proxies, usual].join(","), GOMODCACHE: cache, GOFLAGS: "-modcacherw" }),
    };
    const options = { cwd: app, env, timeoutMs: 600_000 };
    for (const args of [["mod", "init", "example.com/app"], ...add, ["mod", "tidy"]])
      await runWell("go", args, options);
    expect(await runWell("go", ["run", "."], options)).toMatch(SAID);
  });
});
