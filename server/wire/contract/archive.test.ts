import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeUnless, findProgram } from "../../test/clients/program.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";

const buf = join(import.meta.dirname, "../../../node_modules/.bin/buf");
const protoc = findProgram("protoc");

let server: TestServer;
let folder: string;
let names: string[];
beforeAll(async () => {
  server = await startServer();
  folder = mkdtempSync(join(tmpdir(), "patchbay-contract-"));
  const files = unzipSync(new Uint8Array(await (await fetch(`${server.url}/protos.zip`)).arrayBuffer()));
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
  names = Object.keys(files);
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

describe("/protos.zip", () => {
  it("has our files with their comments, others' with their licences, and nothing that compilers bring", () => {
    expect(names).toEqual(
      expect.arrayContaining(["patchbay/v1/llm.proto", "dialects/providers/v1/named_provider_service.proto"]),
    );
    expect(names).toEqual(
      expect.arrayContaining(["google/rpc/error_details.proto", "THIRD-PARTY-LICENSES.txt", "README.md"]),
    );
    expect(names.filter((name) => name.startsWith("google/protobuf/"))).toEqual([]);
  });

  it("compiles by itself with buf", () => {
    const set = execFileSync(buf, ["build", folder, "--output", "-#format=binpb"], { maxBuffer: 2 ** 26 });
    const files = fromBinary(FileDescriptorSetSchema, set).file.map(({ name }) => name);
    expect(files).toContain("patchbay/v1/llm_service.proto");
  });
});

describeUnless(
  protoc ? undefined : "the compilation of /protos.zip: no protoc on PATH (apt-get install protobuf-compiler)",
)("/protos.zip, to protoc", () => {
  it("compiles by itself for C++, Java and Python", () => {
    const protos = names.filter((name) => name.endsWith(".proto"));
    const out = join(folder, "out");
    mkdirSync(out);
    const languages = ["--cpp_out", "--java_out", "--python_out"].map((flag) => `${flag}=${out}`);
    expect(execFileSync("protoc", ["-I", folder, ...languages, ...protos], { cwd: folder }).toString()).toBe("");
  });
});

describe("/protos.binpb", () => {
  it("is a set in which each file comes behind what it imports", async () => {
    const bytes = new Uint8Array(await (await fetch(`${server.url}/protos.binpb`)).arrayBuffer());
    const { file } = fromBinary(FileDescriptorSetSchema, bytes);
    const seen = new Set<string>();
    for (const { name, dependency } of file) {
      expect(
        dependency.filter((imported) => !seen.has(imported)),
        name,
      ).toEqual([]);
      seen.add(name);
    }
    expect([...seen]).toEqual(
      expect.arrayContaining(["patchbay/v1/chat_service.proto", "google/rpc/error_details.proto"]),
    );
  });
});
