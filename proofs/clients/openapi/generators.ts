import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { run } from "../../../server/test/clients/program.ts";
import { install } from "../../programs/install.ts";
import { offlineOf, tell } from "../served.ts";

/** A generator of clients from /openapi.json: with which programs it makes one in a folder, and what runs that then. */
export interface Generator {
  readonly name: string;
  readonly needs: readonly string[];
  /** Throws if it stumbles over the document, or its client does not compile; says what is missing, if something is. */
  readonly make: (folder: string) => Promise<string | undefined>;
  readonly command: (folder: string) => readonly string[];
}

const PATIENCE_MS = 900_000;
const GENERATOR = "org.openapitools:openapi-generator-cli:7.14.0";
const COMPILE = ["--target", "es2022", "--module", "nodenext", "--strict", "--types", "node", "--lib", "es2022,dom"];

/** Runs commands one after the other; the first that reaches no registry ends it. */
async function each(folder: string, ...commands: (readonly string[])[]): Promise<string | undefined> {
  const env = { GOBIN: join(folder, "bin"), GOFLAGS: "-mod=mod", GOTOOLCHAIN: "local", CGO_ENABLED: "0" };
  for (const [program = "", ...args] of commands) {
    tell([basename(program), ...args].join(" ").slice(0, 100));
    const offline = offlineOf(await run(program, args, { cwd: folder, env, timeoutMs: PATIENCE_MS }));
    if (offline) return offline;
  }
  return undefined;
}

/** What a user would write with the client, beside it; TypeScript is a .txt here, where its imports lead nowhere. */
function put(folder: string, name: string, to = name): void {
  copyFileSync(join(import.meta.dirname, "programs", name), join(folder, to));
}

/** openapi-generator is a program in Java, which Maven brings. */
function openapiGenerator(folder: string, language: string, ...options: string[]): Promise<string | undefined> {
  const get = ["-q", "-B", "dependency:copy", `-Dartifact=${GENERATOR}`, `-DoutputDirectory=${tmpdir()}/patchbay-jars`];
  const jar = join(tmpdir(), "patchbay-jars/openapi-generator-cli-7.14.0.jar");
  const generate = ["generate", "-i", "openapi.json", "-g", language, "-o", "client", ...options];
  return each(folder, ["mvn", ...get], ["java", "-jar", jar, ...generate]);
}

const python = (...packages: string[]) => join(install({ from: "pypi", names: packages }), "bin");
const node = (...packages: string[]) => join(install({ from: "npm", names: packages }), "node_modules");
const PYTHON_CLIENT = ["urllib3==2.8.0", "python-dateutil==4.0.0", "pydantic==2.14.4", "typing-extensions==4.16.0"];
const TYPESCRIPT = ["typescript@5.9.3", "@types/node@24", "openapi-typescript@7.13.0", "openapi-fetch@0.17.0"];

export const GENERATORS: readonly Generator[] = [
  {
    name: "oapi-codegen",
    needs: ["go"],
    make: async (folder) => {
      mkdirSync(join(folder, "api"));
      put(folder, "oapi_codegen.go", "main.go");
      const generate = ["-generate", "types,client", "-package", "api", "-o", "api/api.gen.go", "openapi.json"];
      return await each(
        folder,
        ["go", "install", "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"],
        [join(folder, "bin/oapi-codegen"), ...generate],
        ["go", "mod", "init", "example.com/app"],
        ["go", "mod", "tidy"],
        ["go", "build", "-o", "bin/app", "."],
      );
    },
    command: (folder) => [join(folder, "bin/app")],
  },
  {
    name: "openapi-generator for Python",
    needs: ["java", "mvn", "python3"],
    make: async (folder) => {
      const offline = await openapiGenerator(folder, "python");
      put(folder, "openapi_generator.py", "client/app.py");
      python(...PYTHON_CLIENT);
      return offline;
    },
    command: (folder) => [join(python(...PYTHON_CLIENT), "python"), join(folder, "client/app.py")],
  },
  {
    name: "openapi-generator for TypeScript",
    needs: ["java", "mvn", "npm"],
    make: async (folder) => {
      const offline = await openapiGenerator(folder, "typescript-fetch");
      put(folder, "openapi-generator.txt", "app.ts");
      writeFileSync(join(folder, "package.json"), '{"type": "commonjs"}');
      const modules = node(...TYPESCRIPT);
      const types = ["--typeRoots", join(modules, "@types"), "--skipLibCheck"];
      return (
        offline ??
        (await each(folder, ["node", join(modules, ".bin/tsc"), ...COMPILE, ...types, "--outDir", "out", "app.ts"]))
      );
    },
    command: (folder) => ["node", join(folder, "out/app.js")],
  },
  {
    name: "openapi-generator for Java",
    needs: ["java", "mvn"],
    make: async (folder) => {
      const offline = await openapiGenerator(folder, "java");
      if (offline) return offline;
      const client = join(folder, "client");
      rmSync(join(client, "src/test"), { recursive: true });
      put(client, "Client.java", "src/main/java/Client.java");
      return await each(client, ["mvn", "-q", "-B", "compile", "dependency:copy-dependencies"]);
    },
    command: (folder) => {
      const built = join(folder, "client/target");
      return ["java", "-cp", `${built}/classes:${built}/dependency/*:${built}/lib/*`, "Client"];
    },
  },
  {
    name: "openapi-python-client",
    needs: ["python3"],
    make: async (folder) => {
      const tool = join(python("openapi-python-client==0.29.1"), "openapi-python-client");
      const offline = await each(folder, [tool, "generate", "--path", "openapi.json", "--output-path", "client"]);
      renameSync(join(folder, "client/patchbay_client"), join(folder, "patchbay_client"));
      put(folder, "openapi_python_client.py", "app.py");
      return offline;
    },
    command: (folder) => [join(python("openapi-python-client==0.29.1"), "python"), join(folder, "app.py")],
  },
  {
    name: "openapi-typescript",
    needs: ["npm"],
    make: async (folder) => {
      const modules = node(...TYPESCRIPT);
      const generated = await each(folder, [
        "node",
        join(modules, "openapi-typescript/bin/cli.js"),
        "openapi.json",
        "-o",
        "patchbay.d.ts",
      ]);
      put(folder, "openapi-typescript.txt", "app.mts");
      symlinkSync(modules, join(folder, "node_modules"));
      const check = [...COMPILE, "--noEmit", "--allowImportingTsExtensions", "app.mts"];
      return generated ?? (await each(folder, ["node", join(modules, ".bin/tsc"), ...check]));
    },
    command: (folder) => ["node", join(folder, "app.mts")],
  },
];
