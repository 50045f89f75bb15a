import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readEnvironment } from "../environment.ts";
import { connect } from "./connection.ts";
import { Contexts } from "./contexts.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "patchbay-contexts-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function environment(more: Record<string, string> = {}) {
  return readEnvironment({ PATCHBAY_CONFIG_DIR: join(folder, "config"), PATCHBAY_KEYCHAIN: "off", ...more });
}

describe("contexts", () => {
  it("keep keys where only their owner reads them, apart from the addresses", async () => {
    const contexts = new Contexts(environment());
    await contexts.save("prod", "https://patchbay.example.com", "pb_live_secret");
    const [file, keys] = [join(folder, "config", "contexts.yaml"), join(folder, "config", "keys.yaml")];
    expect(statSync(keys).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "config")).mode & 0o777).toBe(0o700);
    expect(readFileSync(file, "utf8")).not.toContain("secret");
    const found = contexts.find("");
    expect(found).toMatchObject({ name: "prod", url: "https://patchbay.example.com" });
    expect(found && (await contexts.key(found))).toBe("pb_live_secret");
  });

  it("are forgotten with their keys", async () => {
    const contexts = new Contexts(environment());
    await contexts.save("a", "http://127.0.0.1:1", "key-a");
    await contexts.save("b", "http://127.0.0.1:2", "key-b");
    await contexts.remove("b");
    expect(readFileSync(join(folder, "config", "keys.yaml"), "utf8")).not.toContain("key-b");
    expect(contexts.find("")).toBeUndefined();
    contexts.use("a");
    expect(contexts.find("")).toMatchObject({ name: "a" });
    expect(() => contexts.use("b")).toThrow('there is no context "b" (known: a)');
  });

  it("send a key to no other server than that it is for", async () => {
    await new Contexts(environment()).save("a", "http://127.0.0.1:1", "key-a");
    await expect(connect(environment(), { url: "http://127.0.0.1:2" })).rejects.toThrow(/no key is known for/);
    const given = environment({ PATCHBAY_API_KEY: "other" });
    await expect(connect(given, { url: "http://127.0.0.1:2" })).resolves.toMatchObject({ url: "http://127.0.0.1:2" });
  });

  it("are not needed where the environment says both", async () => {
    const given = environment({ PATCHBAY_URL: "http://127.0.0.1:3", PATCHBAY_API_KEY: "key" });
    await expect(connect(given, {})).resolves.toMatchObject({ url: "http://127.0.0.1:3" });
    await expect(connect(environment(), {})).rejects.toThrow("patchbay login");
  });
});
