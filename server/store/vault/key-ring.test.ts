import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { formatKeyRing, generateKey, KeyRing, KeyRingError, lacksKey, parseKeyRing } from "./key-ring.ts";

const strong = () => randomBytes(32).toString("base64url");
const base64url = (text: string) => Buffer.from(text).toString("base64url");
const withKey = (k: string) => `{"keys": [{"kty": "oct", "kid": "k", "k": "${k}"}]}`;
const context = ["wrapped_key", "owner", "id"];

describe("a key ring", () => {
  it("is read as it was written", () => {
    const keys = [generateKey(), generateKey()];
    expect(parseKeyRing(formatKeyRing(keys), "it").keys).toEqual(keys);
  });

  it("wraps with its first key, and unwraps with the one that is named", async () => {
    const [before, after] = [generateKey(), generateKey()];
    const old = await new KeyRing([before]).wrap(new Uint8Array([1, 2]), context);
    const ring = new KeyRing([after, before]);
    const fresh = await ring.wrap(new Uint8Array([3]), context);
    expect([old.keyId, fresh.keyId]).toEqual([before.id, after.id]);
    expect(await ring.unwrap(old, context)).toEqual(new Uint8Array([1, 2]));
    expect(await ring.unwrap(fresh, context)).toEqual(new Uint8Array([3]));
  });

  it("tells what will never open from what another key ring may open", async () => {
    const [mine, foreign] = [generateKey(), generateKey()];
    const ring = new KeyRing([mine]);
    const wrapped = await ring.wrap(new Uint8Array([1]), context);
    expect(await ring.unwrap(wrapped, ["wrapped_key", "another", "id"])).toBeUndefined();
    expect(await ring.unwrap({ keyId: mine.id, blob: { ciphertext: "vault:v1:AAAA" } }, context)).toBeUndefined();
    const failure = await new KeyRing([foreign]).unwrap(wrapped, context).catch((error) => error);
    expect(failure).toMatchObject({ reason: "KEYS_UNAVAILABLE" });
    expect(lacksKey(failure)).toBe(true);
  });

  it.each([
    { name: "what is not JSON", text: "sk-1234", says: /is not JSON/ },
    { name: "an empty text", text: "", says: /is not JSON/ },
    { name: "null", text: "null", says: /has no keys/ },
    { name: "a ring without keys", text: '{"keys": []}', says: /has no keys/ },
    { name: "a key that is none", text: '{"keys": [null]}', says: /"kid"/ },
    { name: "an empty key", text: withKey(""), says: /weak/ },
    { name: "a short key", text: withKey(base64url("sk-1234")), says: /weak/ },
    { name: "a known key repeated", text: withKey(base64url("sk-1234".repeat(5).slice(0, 32))), says: /weak/ },
    { name: "a text of 32 letters", text: withKey(base64url("correct-horse-battery-staple-0192")), says: /weak/ },
    { name: "a passphrase", text: withKey(base64url("The quick brown fox jumps over 1")), says: /weak/ },
    { name: "zeros", text: withKey("A".repeat(43)), says: /weak/ },
    {
      name: "bytes counted up",
      text: withKey(Buffer.from([...Array(32).keys()]).toString("base64url")),
      says: /weak/,
    },
    { name: "33 bytes", text: withKey(randomBytes(33).toString("base64url")), says: /weak/ },
    { name: "a key without a name", text: `{"keys": [{"kty": "oct", "k": "${strong()}"}]}`, says: /"kid"/ },
    {
      name: "two keys of one name",
      text: `{"keys": [{"kty":"oct","kid":"k","k":"${strong()}"},{"kty":"oct","kid":"k","k":"${strong()}"}]}`,
      says: /same "kid"/,
    },
  ])("is not made of $name", ({ text, says }) => {
    const read = () => parseKeyRing(text, "the key ring of KEYRING");
    expect(read).toThrow(KeyRingError);
    expect(read).toThrow(says);
    expect(read).toThrow(/the key ring of KEYRING/i);
    expect(read).not.toThrow(/sk-1234|correct|quick/);
  });
});
