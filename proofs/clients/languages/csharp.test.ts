import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeGeneratedClient, type GeneratedClient } from "../../../server/test/clients/generated-client.ts";
import { run, runWell } from "../../../server/test/clients/program.ts";
import { fetchContract, missingOf, offlineOf, tell } from "../served.ts";

const DEBIAN = "mono-mcs mono-runtime libmono-system-net-http4.0-cil libmono-system-runtime4.0-cil protobuf-compiler";
const HTTP_CLIENT = "/usr/lib/mono/4.5/System.Net.Http.dll";
/** Mono's compiler, for what it knows of C# 7. */
const COMPILE = ["-langversion:latest", "-nowarn:612,618,1591"];
/** Google's library of protobuf for C#, compiled once. */
const LIBRARY = join(tmpdir(), "patchbay-csharp", "Google.Protobuf.dll");

describeGeneratedClient("C#", await prepare());

/** protoc and Mono as Debian has them. They have no gRPC, so the client speaks Connect and REST. */
async function prepare(): Promise<GeneratedClient> {
  const missing = missingOf("mcs", "mono", "protoc", "apt-get");
  if (missing) return { missing: `${missing} (apt-get install ${DEBIAN})` };
  if (!existsSync(HTTP_CLIENT)) return { missing: `no HttpClient (apt-get install ${DEBIAN})` };
  const offline = await compileLibrary();
  if (offline) return { missing: offline };
  const folder = await fetchContract("csharp");
  const protos = globSync("{patchbay,buf,google}/**/*.proto", { cwd: join(folder, "protos") });
  mkdirSync(join(folder, "gen"));
  tell("the client in C#: generates and compiles");
  await runWell("protoc", ["-I", "protos", "--csharp_out=gen", "--csharp_opt=base_namespace=", ...protos], {
    cwd: folder,
    timeoutMs: 60_000,
  });
  const client = join(import.meta.dirname, "csharp/C*.cs");
  const references = [`-r:${LIBRARY}`, `-r:${HTTP_CLIENT}`];
  const sources = ["-recurse:gen/*.cs", client];
  await runWell("mcs", [...COMPILE, ...references, "-out:client.exe", ...sources], { cwd: folder, timeoutMs: 300_000 });
  return { command: ["env", `MONO_PATH=${join(LIBRARY, "..")}`, "mono", join(folder, "client.exe")], folder };
}

/** Compiles the library from Debian's source of protobuf; says what is missing for that. */
async function compileLibrary(): Promise<string | undefined> {
  if (existsSync(LIBRARY)) return undefined;
  const folder = `${join(LIBRARY, "..")}.${process.pid}`;
  mkdirSync(join(folder, "lists/partial"), { recursive: true });
  tell("protobuf's library for C#: is compiled from Debian's source");
  // Lists of sources of their own: the machine's are not touched. The release is that of protoc.
  const [, release = ""] = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync("/etc/os-release", "utf8")) ?? [];
  writeFileSync(join(folder, "sources"), `deb-src http://deb.debian.org/debian ${release} main\n`);
  const apt = Object.entries({
    "Dir::Etc::SourceList": join(folder, "sources"),
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::State::Lists": join(folder, "lists"),
  }).map(([name, value]) => `-o${name}=${value}`);
  const commands = [
    [...apt, "-qq", "--error-on=any", "update"],
    [...apt, "-qq", "--download-only", "source", "protobuf"],
  ];
  for (const args of commands) {
    const offline = offlineOf(await run("apt-get", args, { cwd: folder, timeoutMs: 300_000 }));
    if (offline) return offline;
  }
  const [archive = ""] = globSync("protobuf_*.orig.tar.gz", { cwd: folder });
  await runWell("tar", ["-xzf", archive, "--strip-components=3", "--wildcards", "*/csharp/src/Google.Protobuf"], {
    cwd: folder,
    timeoutMs: 60_000,
  });
  const sources = globSync("Google.Protobuf/**/*.cs", { cwd: folder });
  // mcs finds no alias of a class of two files, unless the one that declares it comes first.
  sources.sort((a, b) => Number(b.endsWith("/Descriptor.cs")) - Number(a.endsWith("/Descriptor.cs")));
  const flags = [...COMPILE, "-unsafe", "-target:library", "-out:Google.Protobuf.dll"];
  const missing = join(import.meta.dirname, "csharp/Unsafe.cs");
  await runWell("mcs", [...flags, ...sources, missing], { cwd: folder, timeoutMs: 300_000 });
  rmSync(join(LIBRARY, ".."), { recursive: true, force: true });
  renameSync(folder, join(LIBRARY, ".."));
  return undefined;
}
