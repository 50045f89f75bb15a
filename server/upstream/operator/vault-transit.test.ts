import { randomBytes } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StartError } from "../../base/fault.ts";
import { Secret } from "../../base/secret.ts";
import { makeTemporaryFolder } from "../../test/base/temporary-folder.ts";
import { FakeTransit } from "../../test/upstream/fake-transit.ts";
import { TransitKey, type TransitTarget } from "./vault-transit.ts";

const context = ["wrapped_key", "owner", "id"];
const bytes = new Uint8Array(randomBytes(32));

let vault: FakeTransit;
let problems: string[];
const opened: TransitKey[] = [];
beforeEach(async () => {
  vault = await FakeTransit.start();
  problems = [];
});
afterEach(async () => {
  for (const key of opened.splice(0)) await key.close();
  await vault.close().catch(() => {}); // A test may have.
});

function open(changes: Partial<TransitTarget> = {}): TransitKey {
  const target: TransitTarget = {
    address: vault.address,
    token: new Secret(vault.token),
    namespace: undefined,
    mount: "transit",
    key: "patchbay",
    ...changes,
  };
  const key = new TransitKey(target, (problem) => problems.push(problem?.message ?? "fine"), 300);
  opened.push(key);
  return key;
}

/** The error that a call must end with, and what its operator is told. */
async function refusalOf(call: Promise<unknown>): Promise<{ reason: string; says: string }> {
  const error = await call.then(
    () => undefined,
    (error) => error,
  );
  return { reason: error?.reason, says: error?.cause?.message };
}

describe("a transit key", () => {
  it("wraps, names its version, and unwraps in the same context only", async () => {
    const key = open();
    await key.check();
    const wrapped = await key.wrap(bytes, context);
    expect(wrapped).toEqual({
      keyId: "transit/patchbay:v1",
      blob: { ciphertext: expect.stringMatching(/^vault:v1:/) },
    });
    expect(await key.unwrap(wrapped, context)).toEqual(bytes);
    for (const index of context.keys()) {
      expect(await key.unwrap(wrapped, context.with(index, "another"))).toBeUndefined();
    }
    expect(problems).toEqual([]);
  });

  it("sends the context as associated data, the token and the namespace as headers, and the key nowhere", async () => {
    await open({ namespace: "team/ai" }).wrap(bytes, context);
    const [{ path, headers, body } = { path: "", headers: {}, body: {} }] = vault.requests;
    expect(path).toBe("/v1/transit/encrypt/patchbay");
    expect(headers).toMatchObject({
      "x-vault-token": vault.token,
      "x-vault-request": "true",
      "x-vault-namespace": "team/ai",
    });
    const sent = Buffer.from(body.associated_data ?? "", "base64").toString();
    expect(JSON.parse(sent)).toEqual(["patchbay/v1", ...context]);
    expect(body.context).toBe(body.associated_data);
  });

  it("wraps by the newest version, and unwraps what older ones wrapped", async () => {
    const key = open();
    const old = await key.wrap(bytes, context);
    vault.rotate();
    expect(await key.activeKeyId()).toBe("transit/patchbay:v2");
    expect((await key.wrap(bytes, context)).keyId).toBe("transit/patchbay:v2");
    expect(await key.unwrap(old, context)).toEqual(bytes);
  });

  it("does not open what a key ring wrapped, nor changed bytes", async () => {
    const key = open();
    const { keyId, blob } = await key.wrap(bytes, context);
    expect(await key.unwrap({ keyId: "kek-1", blob: { protected: "e30", tag: "AA" } }, context)).toBeUndefined();
    const changed = blob.ciphertext?.replace(/.{4}$/, "AAAA") ?? "";
    expect(await key.unwrap({ keyId, blob: { ciphertext: changed } }, context)).toBeUndefined();
    expect(await key.unwrap({ keyId, blob: { ciphertext: "vault:v1:AAAA" } }, context)).toBeUndefined();
  });

  it.each([
    { name: "another token", break: () => Object.assign(vault, { token: "revoked" }), says: /403.*"update"/ },
    { name: "a sealed Vault", break: () => Object.assign(vault, { isSealed: true }), says: /503: it is sealed/ },
    { name: "a silent Vault", break: () => Object.assign(vault, { isSilent: true }), says: /did not answer in 300 ms/ },
    { name: "a Vault that is gone", break: () => vault.close(), says: /cannot be reached/ },
  ])("can be tried again after $name, and tells its operator once", async ({ break: breakIt, says }) => {
    const key = open();
    const wrapped = await key.wrap(bytes, context);
    await breakIt();
    for (const call of [key.wrap(bytes, context), key.unwrap(wrapped, context)]) {
      const refusal = await refusalOf(call);
      expect(refusal.reason).toBe("KEYS_UNAVAILABLE");
      expect(refusal.says).toMatch(says);
      expect(refusal.says).toContain("VAULT_ADDR");
    }
    expect(problems).toHaveLength(1);
  });

  it("says when it can be used again", async () => {
    const key = open();
    vault.isSealed = true;
    await refusalOf(key.wrap(bytes, context));
    vault.isSealed = false;
    await key.wrap(bytes, context);
    expect(problems).toEqual([expect.stringContaining("sealed"), "fine"]);
  });

  it.each([
    { name: "a key that is not there", target: { key: "other" }, says: /400: transit has no key other/ },
    { name: "an engine that is not there", target: { mount: "kv" }, says: /404: no transit engine is mounted at kv/ },
    { name: "a wrong token", target: { token: new Secret("hvs.wrong") }, says: /403/ },
    {
      name: "a token file that is not there",
      target: { token: { file: "/nowhere" } },
      says: /VAULT_TOKEN_FILE.*ENOENT/,
    },
  ])("is refused at the start with $name", async ({ target, says }) => {
    const failure = await open(target)
      .check()
      .catch((error) => error);
    expect(failure).toBeInstanceOf(StartError);
    expect(failure.message).toMatch(says);
    expect(failure.message).not.toContain("hvs.");
  });

  it("is refused at the start when associated data is not bound", async () => {
    vault.ignoresAssociatedData = true;
    await expect(open().check()).rejects.toThrow("Vault 1.13 or later");
  });

  it("reads its token file for each call, and refuses one that everybody can read", async () => {
    const folder = makeTemporaryFolder("transit");
    const file = join(folder.path, "token");
    writeFileSync(file, `${vault.token}\n`, { mode: 0o600 });
    const key = open({ token: { file } });
    await key.check();
    vault.token = "hvs.renewed";
    writeFileSync(file, vault.token);
    await key.wrap(bytes, context);
    chmodSync(file, 0o644);
    expect((await refusalOf(key.wrap(bytes, context))).says).toContain("chmod o=");
    folder.remove();
  });
});
