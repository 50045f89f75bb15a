import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../test/temporary-folder.ts";
import { KeyRingError, makeKeyRing, readKeyRing } from "./key-ring.ts";

let folder: ReturnType<typeof makeTemporaryFolder>;
beforeAll(() => {
  folder = makeTemporaryFolder("keys");
});
afterAll(() => folder.remove());

const strong = () => randomBytes(32).toString("base64url");

describe("a key ring", () => {
  it("is made for nobody else to read, and read again", async () => {
    const file = join(folder.path, "new");
    const made = await makeKeyRing(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const read = await readKeyRing(file);
    expect(read?.active.id).toBe(made.active.id);
    expect(Buffer.from(read?.active.bytes ?? [])).toEqual(Buffer.from(made.active.bytes));
  });

  it("is never made over another", async () => {
    const file = join(folder.path, "existing");
    await makeKeyRing(file);
    const before = readFileSync(file, "utf8");
    await expect(makeKeyRing(file)).rejects.toThrow("EEXIST");
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  it("is undefined where there is no file", async () => {
    expect(await readKeyRing(join(folder.path, "absent"))).toBeUndefined();
  });

  it("finds a key by its name, and wraps with the first", async () => {
    const file = join(folder.path, "two");
    const keys = [
      { kty: "oct", kid: "new", k: strong() },
      { kty: "oct", kid: "old", k: strong() },
    ];
    writeFileSync(file, JSON.stringify({ keys }), { mode: 0o600 });
    const ring = await readKeyRing(file);
    expect([ring?.active.id, ring?.find("old")?.id, ring?.find("none")]).toEqual(["new", "old", undefined]);
  });

  it.each([
    { name: "one that others can read", mode: 0o644, text: "{}", says: /chmod 600/ },
    { name: "one that is not JSON", mode: 0o600, text: "sk-1234", says: /is not JSON/ },
    { name: "one without keys", mode: 0o600, text: '{"keys": []}', says: /has no keys/ },
    { name: "an empty file", mode: 0o600, text: "", says: /is not JSON/ },
    {
      name: "a short key",
      mode: 0o600,
      text: '{"keys": [{"kty": "oct", "kid": "k", "k": "c2stMTIzNA"}]}',
      says: /weak/,
    },
    {
      name: "a key of zeros",
      mode: 0o600,
      text: `{"keys": [{"kty": "oct", "kid": "k", "k": "${"A".repeat(43)}"}]}`,
      says: /weak/,
    },
    {
      name: "a key without a name",
      mode: 0o600,
      text: `{"keys": [{"kty": "oct", "k": "${strong()}"}]}`,
      says: /"kid"/,
    },
    {
      name: "two keys of one name",
      mode: 0o600,
      text: `{"keys": [{"kty":"oct","kid":"k","k":"${strong()}"},{"kty":"oct","kid":"k","k":"${strong()}"}]}`,
      says: /same "kid"/,
    },
  ])("is refused: $name", async ({ mode, text, says }) => {
    const file = join(folder.path, randomBytes(4).toString("hex"));
    writeFileSync(file, text);
    chmodSync(file, mode);
    const failure = await readKeyRing(file).catch((error) => error);
    expect(failure).toBeInstanceOf(KeyRingError);
    expect(failure.message).toMatch(says);
    expect(failure.message).toContain(file);
    expect(failure.message).not.toContain("sk-1234");
  });
});
