import { describe, expect, it } from "vitest";
import { Fault } from "../../base/fault.ts";
import { keyIn } from "./pasted-key.ts";

const KEY = "sk-test-0123456789abcdef";

describe("a pasted key", () => {
  it.each([
    KEY,
    `${KEY}\n`,
    `\r\n  ${KEY}\t`,
    `\uFEFF${KEY}`,
    `${KEY}\u200B`,
    `\u00A0${KEY}`,
    `"${KEY}"`,
    `'${KEY}'`,
    `\`${KEY}\``,
    `“${KEY}”`,
    ` "${KEY}"\n`,
    `Bearer ${KEY}`,
    `bearer   ${KEY}`,
    `"Bearer ${KEY}"`,
    `Authorization: Bearer ${KEY}`,
    `x-api-key: ${KEY}`,
    `export OPENAI_API_KEY=${KEY}`,
    `export KEY="${KEY}"`,
    `OPENAI_API_KEY=${KEY}`,
    `OPENAI_API_KEY = '${KEY}'`,
    `set API_TOKEN=${KEY}`,
    `"${KEY}",`,
    `OPENAI_API_KEY='${KEY}';`,
  ])("is found in %j", (pasted) => expect(keyIn(pasted)).toBe(KEY));

  it.each([
    "abc==",
    "ABCDEF==",
    "a=b",
    "tok:en",
    "NAME_X=1",
    '"',
    "Bearer",
    "sk-proj-a_b-c",
    "key",
    "your-litellm-key",
  ])("is %j as it is", (key) => expect(keyIn(key)).toBe(key));

  it.each([
    { pasted: "", says: /empty/ },
    { pasted: " \n", says: /empty/ },
    { pasted: "undefined", says: /no key/ },
    { pasted: "Bearer undefined", says: /no key/ },
    { pasted: "null", says: /no key/ },
    { pasted: "None", says: /no key/ },
    { pasted: "<your key>", says: /no key/ },
    { pasted: "$".concat("{OPENAI_API_KEY}"), says: /no key/ },
    { pasted: "$OPENAI_API_KEY", says: /no key/ },
    { pasted: "{{ api_key }}", says: /no key/ },
    { pasted: "[object Object]", says: /no key/ },
    { pasted: "process.env.OPENAI_API_KEY", says: /no key/ },
    { pasted: "sk-…", says: /no header/ },
    { pasted: "sk-a sk-b", says: /white space/ },
    { pasted: "sk-\nabc", says: /white space/ },
    { pasted: "sk-äbc", says: /no header/ },
    { pasted: "sk-a\u0007b", says: /no header/ },
  ])("is refused in words: $pasted", ({ pasted, says }) => {
    let refusal: unknown;
    try {
      keyIn(pasted);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(Fault);
    expect((refusal as Fault).message).toMatch(says);
    if (pasted.length > 9) expect((refusal as Fault).message).not.toContain(pasted);
  });
});
