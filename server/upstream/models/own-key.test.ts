import { describe, expect, it } from "vitest";
import { Secret } from "../../base/secret.ts";
import { bytesWithoutKey, withoutKey } from "./own-key.ts";

const targetOf = (key: string) => ({
  apiKey: { secret: new Secret(key), headerName: "authorization", prefix: "Bearer " },
});

describe("a key that an endpoint repeats", () => {
  it.each([
    ["as it is", "sk-0123456789abcdef", "sk-0123456789abcdef"],
    ["as it is, with signs that mean something in a pattern", "a.b+c/d=0123456789", "a.b+c/d=0123456789"],
    ["with escaped slashes, as PHP writes them", "ab/cd/0123456789ef", "ab\\/cd\\/0123456789ef"],
    ["with an escaped plus, as .NET writes it", "ab+cd+0123456789ef", "ab\\u002Bcd\\u002B0123456789ef"],
    ["with escaped signs of HTML, as Go writes them", "ab<cd&0123456789ef", "ab\\u003ccd\\u00260123456789ef"],
    ["with a quote and a backslash", 'ab"cd\\0123456789ef', 'ab\\"cd\\\\0123456789ef'],
  ])("is hidden %s", (_, key, written) => {
    const said = `{"model": "é ${written}", "text": "${written}"}`;
    const hidden = '{"model": "é …", "text": "…"}';
    expect(withoutKey(said, targetOf(key))).toBe(hidden);
    expect(bytesWithoutKey(Buffer.from(said), targetOf(key)).toString()).toBe(hidden);
  });

  it("is hidden by nothing where it is so short that words have it", () => {
    expect(withoutKey("all is ollama", targetOf("ollama"))).toBe("all is ollama");
  });

  it("costs no copy of bytes that do not have it", () => {
    const bytes = Buffer.from('{"text": "a \\/ b"}');
    for (const key of ["sk-0123456789abcdef", "ab/cd/0123456789ef"]) {
      expect(bytesWithoutKey(bytes, targetOf(key))).toBe(bytes);
    }
  });
});
