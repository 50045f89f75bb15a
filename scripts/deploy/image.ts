import { execFileSync, spawn, spawnSync } from "node:child_process";
import { copyFileSync, cpSync, globSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type Server } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EmbeddedPostgres } from "../../server/store/embedded/embedded-postgres.ts";
import type { Checks } from "./checks.ts";

const root = join(import.meta.dirname, "../..");
const NODE = "/nodejs/bin/node";
const NONROOT = 65_532;
const PATIENCE_MS = 300_000;

/** What the line of the Dockerfile that installs needs, besides Node and npm. */
const PROGRAMS = ["/bin/sh", "/bin/rm", "/usr/bin/env"];

/** Builds the image as its Dockerfile says and lets it serve: on bases made of this machine's programs, as no registry is asked. */
export async function buildImage(checks: Checks, deploy: string, folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return checks.skip("the image", "buildah without an engine needs root");
  if (!checks.has("buildah", "apt-get install buildah")) return;
  const images = new Images(folder);
  images.makeBases();
  const context = join(folder, "context");
  mkdirSync(context);
  cpSync(join(deploy, "Dockerfile"), join(context, "Dockerfile"));
  packInto(context);
  const bases = ["--build-arg", "BUILD_IMAGE=localhost/build", "--build-arg", "IMAGE=localhost/base"];
  const built = images.buildah("bud", "--isolation", "chroot", "--pull=false", ...bases, "-t", "patchbay", context);
  checks.tell("the image is built by its Dockerfile", built.status === 0, built.stderr);
  if (built.status === 0) await serveFrom(checks, images, folder);
}

class Images {
  readonly #folder: string;
  readonly #storage: string[];

  constructor(folder: string) {
    this.#folder = folder;
    const place = join(folder, "images");
    this.#storage = ["--root", join(place, "root"), "--runroot", join(place, "run"), "--storage-driver", "vfs"];
  }

  args(...words: string[]): string[] {
    return [...this.#storage, ...words];
  }

  buildah(...words: string[]) {
    return spawnSync("buildah", this.args(...words), { encoding: "utf8", maxBuffer: 2 ** 26 });
  }

  /** One with npm, and one with nothing but Node, as the Dockerfile's own are. */
  makeBases(): void {
    const npm = dirname(
      dirname(
        execFileSync("readlink", ["-f", execFileSync("which", ["npm"], { encoding: "utf8" }).trim()], {
          encoding: "utf8",
        }).trim(),
      ),
    );
    const settings = ["HOME=/tmp", "PATH=/usr/bin:/bin"];
    const certificates = { NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt" };
    this.#make(
      "build",
      settings,
      (place) => {
        for (const program of PROGRAMS) copyProgram(program, place);
        copyProgram(process.execPath, place, "/usr/bin/node");
        cpSync(npm, join(place, "usr/lib/npm"), { recursive: true });
        writeFileSync(join(place, "usr/bin/npm"), '#!/bin/sh\nexec node /usr/lib/npm/bin/npm-cli.js "$@"\n', {
          mode: 0o755,
        });
        for (const file of ["/etc/resolv.conf", "/etc/hosts", certificates.NODE_EXTRA_CA_CERTS]) copyFile(file, place);
      },
      certificates,
    );
    this.#make(
      "base",
      ["PATH=/nodejs/bin"],
      (place) => {
        copyProgram(process.execPath, place, NODE);
        mkdirSync(join(place, "etc"), { recursive: true });
        writeFileSync(
          join(place, "etc/passwd"),
          `nonroot:x:${NONROOT}:${NONROOT}:nonroot:/home/nonroot:/sbin/nologin\n`,
        );
      },
      {},
      ["--user", String(NONROOT)],
    );
  }

  #make(
    name: string,
    env: readonly string[],
    fill: (place: string) => void,
    more: Record<string, string>,
    config: string[] = [],
  ) {
    const place = join(this.#folder, name);
    mkdirSync(join(place, "tmp"), { recursive: true, mode: 0o777 });
    spawnSync("chmod", ["1777", join(place, "tmp")]);
    fill(place);
    const container = this.buildah("from", "scratch").stdout.trim();
    this.buildah("copy", container, place, "/");
    const variables = [...env, ...Object.entries(more).map(([key, value]) => `${key}=${value}`)].flatMap((each) => [
      "--env",
      each,
    ]);
    this.buildah("config", ...variables, ...config, container);
    this.buildah("commit", "--rm", container, name);
    rmSync(place, { recursive: true });
  }
}

function packInto(context: string): void {
  execFileSync(process.execPath, [join(root, "scripts/build-package.ts")], { cwd: root, stdio: "inherit" });
  execFileSync("npm", ["pack", "--silent", join(root, "dist"), "--pack-destination", context], { cwd: root });
}

/** A program with the libraries that it is linked to. */
function copyProgram(program: string, place: string, target = program): void {
  copyFile(program, place, target);
  const { stdout } = spawnSync("ldd", [program], { encoding: "utf8" });
  for (const [library] of stdout.matchAll(/\/\S+\.so\S*/g)) copyFile(library, place);
}

function copyFile(file: string, place: string, target = file): void {
  const copy = join(place, target);
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(file, copy);
}

/** Runs a server out of the image, as its user, over a PostgreSQL beside it. */
async function serveFrom(checks: Checks, images: Images, folder: string): Promise<void> {
  const container = images.buildah("from", "--pull=false", "patchbay").stdout.trim();
  const program = [NODE, "/app/node_modules/patchbay/bin/patchbay.js"];
  const run = (env: readonly string[], ...words: string[]) =>
    images.args("run", "--isolation", "chroot", ...env.flatMap((each) => ["--env", each]), container, "--", ...words);
  const keyring = spawnSync("buildah", run([], ...program, "keys", "generate"), { encoding: "utf8" });
  checks.tell("a key ring is made by it, as nobody in particular", keyring.status === 0, keyring.stderr);
  const postgres = await EmbeddedPostgres.open(join(folder, "postgres"), () => {});
  const door = await openDoor(join(postgres.address.host, ".s.PGSQL.5432"));
  const origin = `http://127.0.0.1:${await freePort()}`;
  const { port } = door.address() as { port: number };
  const settings = [
    `DATABASE_URL=postgres://${postgres.address.user}@127.0.0.1:${port}/postgres`,
    ...[`KEYRING=${keyring.stdout.trim()}`, `PORT=${new URL(origin).port}`, "HOST=127.0.0.1", "LOG_LEVEL=warn"],
  ];
  const server = spawn("buildah", run(settings, ...program, "serve"), {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [server.stdout, server.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  try {
    const isReady = await answers(`${origin}/readyz`, () => server.exitCode === null);
    checks.tell("it serves, without an engine, by chroot", isReady, said);
    const user = globSync("/proc/[0-9]*").find((process) => isOurs(process));
    checks.tell("it runs as a user without rights", user !== undefined);
    const health = `fetch("${origin}/healthz").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))`;
    checks.tell("its HEALTHCHECK is answered", spawnSync("buildah", run([], NODE, "-e", health)).status === 0);
  } finally {
    try {
      process.kill(-(server.pid as number), "SIGKILL");
    } catch {
      // It has ended.
    }
    door.close();
    await postgres.stop();
  }

  /** A process of the image's user that serves. */
  function isOurs(place: string): boolean {
    const { stdout } = spawnSync("sh", ["-c", `cat ${place}/cmdline; grep Uid ${place}/status`], { encoding: "utf8" });
    return stdout.includes("patchbay.js") && stdout.includes(`Uid:\t${NONROOT}\t`);
  }
}

/** A port before a socket that is a file: a container sees none of this machine's files. */
async function openDoor(socket: string): Promise<Server> {
  const door = createServer((inside) => {
    const outside = createConnection(socket);
    const close = () => {
      inside.destroy();
      outside.destroy();
    };
    for (const each of [inside, outside]) each.on("error", close);
    inside.pipe(outside).pipe(inside);
  });
  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  return door;
}

/** A port that nothing listens at: a fixed one may be another server's, which would answer in place of the image's. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(url: string, isAlive: () => boolean): Promise<boolean> {
  for (let waited = 0; waited < PATIENCE_MS && isAlive(); waited += 200) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return true;
    await sleep(200);
  }
  return false;
}
