import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../base/secret.ts";
import { makeTemporaryFolder } from "../../test/base/temporary-folder.ts";
import { KeyValueServer } from "../../test/upstream/key-value-server.ts";
import { KeyValueVault, VaultUnavailable } from "./hashicorp-vault.ts";

const TIMEOUT_MS = 300;

let server: KeyValueServer;
let vault: KeyValueVault;
const folder = makeTemporaryFolder("vault");
const file = join(folder.path, "token");
beforeAll(async () => {
  server = await KeyValueServer.start();
  vault = open(new Secret(server.token));
});
beforeEach(() => {
  server.instead = undefined;
  server.requests.length = 0;
});
afterAll(async () => {
  await vault.close();
  await server.close();
  folder.remove();
});

function open(token: Secret | { file: string }, namespace?: string): KeyValueVault {
  return new KeyValueVault({ address: server.url, token, namespace }, TIMEOUT_MS);
}

describe("a secret of the vault", () => {
  it("is read by mount, path and field, with the token and the namespace", async () => {
    server.secrets.set("kv/teams/ai", { openai: "sk-1", other: "sk-2" });
    const namespaced = open(new Secret(server.token), "team");
    expect(await namespaced.read("kv/teams/ai", "openai")).toBe("sk-1");
    expect(server.requests).toEqual([{ path: "/v1/kv/data/teams/ai", token: server.token, namespace: "team" }]);
    await namespaced.close();
  });

  it.each([
    { name: "a path that is not there", path: "kv/none", field: "key" },
    { name: "a field that is not there", path: "kv/here", field: "none" },
    { name: "a field that every object has", path: "kv/here", field: "constructor" },
    { name: "a value that is no text", path: "kv/here", field: "number" },
    { name: "a deleted version", path: "kv/deleted", field: "key" },
  ])("is not there: $name", async ({ path, field }) => {
    server.secrets.set("kv/here", { key: "sk-1", number: 7 });
    server.secrets.set("kv/deleted", null);
    expect(await vault.read(path, field)).toBeUndefined();
  });

  it("is not ours when the token is refused", async () => {
    server.secrets.set("kv/here", { key: "sk-1" });
    const stranger = open(new Secret("hvs.wrong"));
    expect(await stranger.read("kv/here", "key")).toBeUndefined();
    await stranger.close();
  });

  it("is asked for with the token that the file holds now", async () => {
    server.secrets.set("kv/here", { key: "sk-1" });
    const agent = open({ file });
    writeFileSync(file, "hvs.old\n", { mode: 0o600 });
    expect(await agent.read("kv/here", "key")).toBeUndefined();
    writeFileSync(file, `${server.token}\n`);
    expect(await agent.read("kv/here", "key")).toBe("sk-1");
    writeFileSync(file, "two lines\nof it");
    await expect(agent.read("kv/here", "key")).rejects.toThrow(VaultUnavailable);
    rmSync(file);
    await expect(agent.read("kv/here", "key")).rejects.toThrow(VaultUnavailable);
    await agent.close();
  });

  it.each<{ name: string; instead: KeyValueServer["instead"] }>([
    { name: "is sealed", instead: (response) => response.writeHead(503).end() },
    { name: "hangs up", instead: (response) => response.destroy() },
    { name: "says nothing", instead: () => {} },
    { name: "redirects", instead: (response) => response.writeHead(307, { location: "http://127.0.0.1:1/" }).end() },
    { name: "answers without an end", instead: (response) => response.writeHead(200).write("x".repeat(400_000)) },
  ])("is not to be had for now when the vault $name", async ({ instead }) => {
    server.instead = instead;
    await expect(vault.read("kv/here", "key")).rejects.toThrow(VaultUnavailable);
  });
});
