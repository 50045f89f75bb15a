import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { keyIdOf, open, type SealedSecret, seal, Unreadable } from "./sealing.ts";

const key = { id: "k1", secret: new Uint8Array(randomBytes(32)) };
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
    await expect(open({ id: "k1", secret: new Uint8Array(32) }, binding, sealed)).rejects.toThrow(Unreadable);
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

  it.each([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])("does not open with a tag cut to %i bytes", async (length) => {
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
    const opened = await open({ id: "k1", secret: bytes }, ["llm.credentials", "owner"], sealed);
    expect(new TextDecoder().decode(opened)).toBe("sk-known");
  });
});

/** McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13 to 16: AES-256 with an IV of 96 bits. */
const vectors = [
  {
    key: "00".repeat(32),
    iv: "00".repeat(12),
    aad: "",
    plaintext: "",
    ciphertext: "",
    tag: "530f8afbc74536b9a963b4f1c4cb738b",
  },
  {
    key: "00".repeat(32),
    iv: "00".repeat(12),
    aad: "",
    plaintext: "00".repeat(16),
    ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
    tag: "d0d1c8a799996bf0265b98b5d48ab919",
  },
  {
    key: "feffe9928665731c6d6a8f9467308308".repeat(2),
    iv: "cafebabefacedbaddecaf888",
    aad: "",
    plaintext:
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
    ciphertext:
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" +
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
    tag: "b094dac5d93471bdec1a502270e3cc6c",
  },
  {
    key: "feffe9928665731c6d6a8f9467308308".repeat(2),
    iv: "cafebabefacedbaddecaf888",
    aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    plaintext:
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    ciphertext:
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" +
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
    tag: "76fc6ece0f4e1768cddf8853bb2d551b",
  },
].map((vector) => ({ ...vector, name: `${vector.plaintext.length / 2} bytes and ${vector.aad.length / 2} of AAD` }));

const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

describe("AES-256-GCM", () => {
  it.each(vectors)("gives the known answer for $name", async ({ key, iv, aad, plaintext, ciphertext, tag }) => {
    const imported = await crypto.subtle.importKey("raw", hex(key), "AES-GCM", false, ["encrypt", "decrypt"]);
    const parameters = { name: "AES-GCM", iv: hex(iv), additionalData: hex(aad) };
    const sealed = await crypto.subtle.encrypt(parameters, imported, hex(plaintext));
    expect(Buffer.from(sealed).toString("hex")).toBe(ciphertext + tag);
    const cipher = createCipheriv("aes-256-gcm", hex(key), hex(iv)).setAAD(hex(aad));
    expect(cipher.update(plaintext, "hex", "hex") + cipher.final("hex")).toBe(ciphertext);
    expect(cipher.getAuthTag().toString("hex")).toBe(tag);
  });

  it.each(vectors)("of another implementation, by RFC 7516, opens: $name", async ({ key, iv, plaintext }) => {
    const header = Buffer.from('{"alg":"dir","enc":"A256GCM","kid":"k1"}').toString("base64url");
    const aad = Buffer.from(["patchbay/v1", ...binding].join("\0")).toString("base64url");
    const cipher = createCipheriv("aes-256-gcm", hex(key), hex(iv)).setAAD(Buffer.from(`${header}.${aad}`));
    const ciphertext = Buffer.concat([cipher.update(hex(plaintext)), cipher.final()]).toString("base64url");
    const sealed = {
      protected: header,
      iv: Buffer.from(iv, "hex").toString("base64url"),
      ciphertext,
      tag: cipher.getAuthTag().toString("base64url"),
    };
    expect(await open({ id: "k1", secret: hex(key) }, binding, sealed)).toEqual(hex(plaintext));
  });

  it("that we made opens in another implementation", async () => {
    const sealed = await seal(key, binding, plaintext);
    const aad = Buffer.from(["patchbay/v1", ...binding].join("\0")).toString("base64url");
    const iv = Buffer.from(sealed.iv, "base64url");
    const decipher = createDecipheriv("aes-256-gcm", key.secret, iv, { authTagLength: 16 })
      .setAAD(Buffer.from(`${sealed.protected}.${aad}`))
      .setAuthTag(Buffer.from(sealed.tag, "base64url"));
    const opened = Buffer.concat([decipher.update(Buffer.from(sealed.ciphertext, "base64url")), decipher.final()]);
    expect(opened.toString()).toBe("sk-secret");
  });
});
