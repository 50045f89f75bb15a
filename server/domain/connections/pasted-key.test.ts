import { describe, expect, it } from "vitest";
import { Fault } from "../../base/fault.ts";
import { keyIn, looksLikeExample } from "./pasted-key.ts";

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
    `$env:OPENAI_API_KEY = "${KEY}"`,
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
    "KEY",
    "token-abc123",
  ])("is %j as it is", (key) => expect(keyIn(key)).toBe(key));

  it.each([
    { pasted: "", says: /empty/ },
    { pasted: " \n", says: /empty/ },
    { pasted: "undefined", says: /a program writes/ },
    { pasted: "Bearer undefined", says: /a program writes/ },
    { pasted: "null", says: /a program writes/ },
    { pasted: "None", says: /a program writes/ },
    { pasted: "[object Object]", says: /a program writes/ },
    { pasted: "$".concat("{OPENAI_API_KEY}"), says: /a variable/ },
    { pasted: "$OPENAI_API_KEY", says: /a variable/ },
    { pasted: "$env:OPENAI_API_KEY", says: /a variable/ },
    { pasted: "%OPENAI_API_KEY%", says: /a variable/ },
    { pasted: "$(cat key.txt)", says: /a variable/ },
    { pasted: "{{ api_key }}", says: /a variable/ },
    { pasted: "$".concat("{{ secrets.KEY }}"), says: /a variable/ },
    { pasted: "process.env.OPENAI_API_KEY", says: /a variable/ },
    { pasted: 'os.environ["OPENAI_API_KEY"]', says: /a variable/ },
    { pasted: "OPENAI_API_KEY", says: /a name/ },
    { pasted: "YOUR_API_KEY", says: /a name/ },
    { pasted: "REPLACE_ME", says: /a name/ },
    { pasted: "<your key>", says: /an example/ },
    { pasted: "[YOUR KEY]", says: /an example/ },
    { pasted: "sk-xxxxxxxx", says: /an example/ },
    { pasted: "sk-…", says: /cut short/ },
    { pasted: "sk-proj-a1b2...w3x4", says: /cut short/ },
    { pasted: "sk-proj-a1b2...", says: /cut short/ },
    { pasted: "sk-a****wxyz", says: /masked/ },
    { pasted: "****wxyz", says: /masked/ },
    { pasted: "env://OPENAI_API_KEY", says: /secretRef/ },
    { pasted: "https://api.openai.com/v1", says: /a URL/ },
    { pasted: '{"apiKey": "sk-abc"}', says: /JSON/ },
    { pasted: "-----BEGIN PRIVATE KEY-----\nMIIE", says: /PEM/ },
    { pasted: "Token sk-abc", says: /scheme.*prefix/ },
    { pasted: "Basic dXNlcjpwYXNz", says: /scheme.*prefix/ },
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

describe("a key of an example", () => {
  it.each([
    "sk-...",
    "sk-ant-...",
    "sk-your-api-key-here",
    "your-litellm-key",
    "your_api_key",
    "changeme",
    "replace-me",
  ])("is taken, and known: %s", (key) => expect([keyIn(key), looksLikeExample(key)]).toEqual([key, true]));

  it.each([KEY, "sk-1234", "ollama", "none-needed", "key"])("is not %s", (key) =>
    expect(looksLikeExample(key)).toBe(false),
  );
});
