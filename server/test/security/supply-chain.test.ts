/** What is installed with this repository. D1 and D11, as far as a lock file tells. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly link?: boolean;
}

const root = join(import.meta.dirname, "../../..");
const read = (file: string) => JSON.parse(readFileSync(join(root, file), "utf8"));
const locked = Object.entries(read("package-lock.json").packages as Record<string, Locked>)
  .filter(([path]) => path !== "")
  .map(([path, entry]) => ({ name: path.replace(/^.*node_modules\//, ""), ...entry }));

/** Judge addresses, and let some of the inside through: security.md has the figures. */
const BANNED = ["ip", "private-ip", "node-fetch", "axios", "request"];
/** Vendors' clients, which read keys from the environment: they are for tests of the faces, never for a server. */
const FOR_TESTS = ["openai", "@anthropic-ai/sdk"];

const isAtLeast = (version: string, least: string) => version.localeCompare(least, "en", { numeric: true }) >= 0;

describe("the lock file", () => {
  it("D11 has what every package must be, to the byte", () => {
    expect(locked.length).toBeGreaterThan(50);
    expect(locked.filter(({ integrity, link }) => !link && !/^sha512-/.test(integrity ?? ""))).toEqual([]);
  });

  it("D11 takes packages from the registry only", () => {
    const elsewhere = locked.filter(
      ({ resolved = "https://registry.npmjs.org/" }) => !resolved.startsWith("https://registry.npmjs.org/"),
    );
    expect(elsewhere).toEqual([]);
  });

  it("D11 has no package that we know better than to use", () => {
    expect(locked.filter(({ name, dev }) => BANNED.includes(name) || (FOR_TESTS.includes(name) && !dev))).toEqual([]);
  });

  it("D11 runs no program when it is installed", () => {
    expect(readFileSync(join(root, ".npmrc"), "utf8")).toMatch(/^ignore-scripts\s*=\s*true$/m);
  });

  it("D11 says of every package of ours exactly which version", () => {
    const { dependencies, devDependencies, optionalDependencies } = read("package.json");
    const versions = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(version)))).toEqual([]);
  });

  it.each([
    { id: "D5", name: "@mikro-orm/core", least: "7.1.7" },
    { id: "D9", name: "undici", least: "8.0.0" },
    { id: "D3", name: "@bufbuild/protobuf", least: "2.17.0" },
  ])("$id has $name at $least or later, once in what is deployed", ({ name, least }) => {
    const versions = locked.filter((entry) => entry.name === name && !entry.dev).map(({ version = "" }) => version);
    expect([versions.length, versions.filter((version) => !isAtLeast(version, least))]).toEqual([1, []]);
  });

  it("D1 has a Node that survives a flood of HTTP/2", () =>
    expect(isAtLeast(process.versions.node, "22.22.2")).toBe(true));
});
