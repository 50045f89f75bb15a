import { cpSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { describeGeneratedClient, type GeneratedClient } from "../../../server/test/clients/generated-client.ts";
import { run } from "../../../server/test/clients/program.ts";
import { fetchContract, missingOf, offlineOf, tell } from "../served.ts";

describeGeneratedClient("Java", await prepare());

/** protoc, and grpc-java's generator, as Maven brings them. */
async function prepare(): Promise<GeneratedClient> {
  const missing = missingOf("java", "mvn");
  if (missing) return { missing };
  const folder = await fetchContract("java");
  mkdirSync(join(folder, "src/main/java"), { recursive: true });
  renameSync(join(folder, "protos"), join(folder, "src/main/proto"));
  cpSync(join(import.meta.dirname, "java/pom.xml"), join(folder, "pom.xml"));
  cpSync(join(import.meta.dirname, "java/Client.java"), join(folder, "src/main/java/Client.java"));
  tell("the client in Java: generates and compiles");
  const built = await run("mvn", ["-q", "-B", "compile", "dependency:copy-dependencies"], {
    cwd: folder,
    timeoutMs: 900_000,
  });
  const offline = offlineOf(built);
  if (offline) return { missing: offline };
  return { command: ["java", "-cp", `${folder}/target/classes:${folder}/target/dependency/*`, "Client"], folder };
}
