import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../test/base/temporary-folder.ts";
import { SecretFiles } from "./secret-files.ts";

const root = makeTemporaryFolder("secret-files");
afterAll(() => root.remove());
const at = (...parts: string[]) => join(root.path, ...parts);

mkdirSync(at("secrets/..2026_11_25"), { recursive: true });
mkdirSync(at("elsewhere"));
writeFileSync(at("secrets/plain"), "sk-plain\n");
writeFileSync(at("secrets/large"), "x".repeat(8_195));
writeFileSync(at("secrets/longest"), `${"x".repeat(8_192)}\r\n`);
writeFileSync(at("secrets/..2026_11_25/key"), "sk-mounted");
symlinkSync("..2026_11_25", at("secrets/..data"));
symlinkSync("..data/key", at("secrets/mounted"));
writeFileSync(at("elsewhere/key"), "sk-elsewhere");
writeFileSync(at("secrets-of-others"), "sk-others");
symlinkSync(at("elsewhere/key"), at("secrets/link-out"));
symlinkSync(at("elsewhere"), at("secrets/folder-out"));
symlinkSync(at("secrets-of-others"), at("secrets/link-to-neighbour"));
symlinkSync("/proc/self/environ", at("secrets/environ"));
symlinkSync("own/keyring", at("secrets/link-to-own"));
mkdirSync(at("secrets/own"));
writeFileSync(at("secrets/own/keyring"), "own");
execFileSync("mkfifo", [at("secrets/pipe")]);
symlinkSync(at("secrets"), at("linked-folder"));

const files = new SecretFiles([at("secrets/own/keyring"), at("not-there")]);

describe("a file with a secret", () => {
  it.each([
    { name: "plain", path: "plain", text: "sk-plain\n" },
    { name: "as long as a key may be", path: "longest", text: `${"x".repeat(8_192)}\r\n` },
    { name: "behind links within the folder, as Kubernetes mounts it", path: "mounted", text: "sk-mounted" },
  ])("is read: $name", async ({ path, text }) => {
    expect(await files.read(at("secrets", path), at("secrets"))).toBe(text);
  });

  it("is read below a folder that is a link itself", async () => {
    expect(await files.read(at("linked-folder/plain"), at("linked-folder"))).toBe("sk-plain\n");
  });

  it.each([
    { name: "what is not there", path: "none" },
    { name: "a folder", path: "own" },
    { name: "a pipe, without waiting for its writer", path: "pipe" },
    { name: "what is longer than a key", path: "large" },
    { name: "a link out of the folder", path: "link-out" },
    { name: "a file behind a linked folder", path: "folder-out/key" },
    { name: "a link to a neighbour whose name begins the same", path: "link-to-neighbour" },
    { name: "a path through a file", path: "plain/key" },
    { name: "the server's own file", path: "own/keyring" },
    { name: "a link to the server's own file", path: "link-to-own" },
  ])("is none: $name", async ({ path }) => {
    expect(await files.read(at("secrets", path), at("secrets"))).toBeUndefined();
  });

  it.each([
    { name: "the environment of the process", path: "/proc/self/environ", folder: "/proc/self" },
    { name: "the same behind a link", path: at("secrets/environ"), folder: "/" },
    { name: "a device", path: "/dev/zero", folder: "/dev" },
  ])("is never $name, whatever the folder", async ({ path, folder }) => {
    expect(await files.read(path, folder)).toBeUndefined();
  });
});
