import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { keyIdOf, open, type SealedSecret, seal, Unreadable } from "./sealing.ts";

const key = { id: "k1", bytes: new Uint8Array(randomBytes(32)) };
const binding = ["llm.credentials", "owner", "row", "1", "https://api.example.com/v1"];
const plaintext = new TextEncoder().encode("sk-secret");

/** The same text with one of its bits flipped. */
function flipped(text: string, index: number): string {
  const bytes = Buffer.from(text, "base64url");
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  return bytes.toString("base64url");
}

describe("a sealed secret", () => {
  it("opens with its key in its place", async () => {
    const sealed = await seal(key, binding, plaintext);
    expect(new TextDecoder().decode(await open(key, binding, sealed))).toBe("sk-secret");
    expect(keyIdOf(sealed)).toBe("k1");
    expect(JSON.stringify(sealed)).not.toContain("sk-secret");
  });

  it("never has the same initialization vector twice", async () => {
    const sealed = await Promise.all(Array.from({ length: 100 }, () => seal(key, binding, plaintext)));
    expect(new Set(sealed.map(({ iv }) => iv)).size).toBe(100);
  });

  it.each(binding.map((part, index) => ({ part, index })))("does not open with another $part", async ({ index }) => {
    const sealed = await seal(key, binding, plaintext);
    const elsewhere = binding.with(index, `${binding[index]}x`);
    await expect(open(key, elsewhere, sealed)).rejects.toThrow(Unreadable);
  });

  it("does not open when parts of its place run together differently", async () => {
    const sealed = await seal(key, ["ab", "c"], plaintext);
    await expect(open(key, ["a", "bc"], sealed)).rejects.toThrow(Unreadable);
  });

  it("does not open with another key", async () => {
    const sealed = await seal(key, binding, plaintext);
    await expect(open({ id: "k1", bytes: new Uint8Array(32) }, binding, sealed)).rejects.toThrow(Unreadable);
  });

  it("does not open with any bit of it changed", async () => {
    const sealed = await seal(key, binding, plaintext);
    for (const part of ["protected", "iv", "ciphertext", "tag"] as const) {
      for (let index = 0; index < Buffer.from(sealed[part], "base64url").length; index++) {
        const changed = { ...sealed, [part]: flipped(sealed[part], index) };
        await expect(open(key, binding, changed), `${part}[${index}]`).rejects.toThrow(Unreadable);
      }
    }
  });

  it.each([4, 8, 12, 15])("does not open with a tag cut to %i bytes", async (length) => {
    const sealed = await seal(key, binding, plaintext);
    const tag = Buffer.from(sealed.tag, "base64url").subarray(0, length).toString("base64url");
    await expect(open(key, binding, { ...sealed, tag })).rejects.toThrow(Unreadable);
  });

  it.each([{ algorithm: "A128GCM" }, { algorithm: "A256CBC-HS512" }, { algorithm: "none" }])(
    "does not open as $algorithm",
    async ({ algorithm }) => {
      const header = Buffer.from(JSON.stringify({ alg: "dir", enc: algorithm, kid: "k1" })).toString("base64url");
      const sealed: SealedSecret = { ...(await seal(key, binding, plaintext)), protected: header };
      await expect(open(key, binding, sealed)).rejects.toThrow(Unreadable);
    },
  );

  it.each([{ parts: [] }, { parts: [""] }, { parts: ["a", ""] }, { parts: ["a\0b"] }])(
    "is not made for the place $parts",
    async ({ parts }) => {
      await expect(seal(key, parts, plaintext)).rejects.toThrow("sealed to parts");
    },
  );

  it("opens what an earlier version sealed", async () => {
    const bytes = new Uint8Array(32).map((_, index) => index);
    const sealed = {
      protected: "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiazEifQ",
      iv: "lzPvQbSJqhA28avB",
      ciphertext: "1Bm1Hs9wIRU",
      tag: "W3Mi-5HhCsqwrgJkGpcKTA",
    };
    const opened = await open({ id: "k1", bytes }, ["llm.credentials", "owner"], sealed);
    expect(new TextDecoder().decode(opened)).toBe("sk-known");
  });
});
