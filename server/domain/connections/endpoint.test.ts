import { describe, expect, it } from "vitest";
import { Fault } from "../../base/fault.ts";
import { canonicalEndpoint, endpointHint, requireBase } from "./endpoint.ts";

describe("canonicalEndpoint", () => {
  it.each([
    ["https://api.openai.com/v1", "https://api.openai.com/v1"],
    ["HTTPS://API.OpenAI.com/v1", "https://api.openai.com/v1"],
    ["https://api.openai.com:443/v1", "https://api.openai.com/v1"],
    ["http://localhost:80", "http://localhost"],
    ["https://api.openai.com:8443/v1", "https://api.openai.com:8443/v1"],
    ["https://api.openai.com./v1/", "https://api.openai.com/v1"],
    ["https://api.openai.com/v1///", "https://api.openai.com/v1"],
    ["https://api.openai.com/", "https://api.openai.com"],
    ["https://api.openai.com/a/../v1/./", "https://api.openai.com/v1"],
    ["https://api.openai.com/%76%31", "https://api.openai.com/v1"],
    ["https://api.openai.com/a%2fb", "https://api.openai.com/a%2Fb"],
    ["https://api.openai.com/V1", "https://api.openai.com/V1"],
    ["https://münchen.example/v1", "https://xn--mnchen-3ya.example/v1"],
    ["https://①②⑦.⓪.⓪.①/v1", "https://127.0.0.1/v1"],
    ["http://[::FFFF:127.0.0.1]:8000", "http://[::ffff:7f00:1]:8000"],
    ["  https://api.openai.com/v1\n", "https://api.openai.com/v1"],
  ])("spells %s as %s, and leaves that as it is", (raw, canonical) => {
    expect(canonicalEndpoint(raw, "endpoint_url")).toBe(canonical);
    expect(canonicalEndpoint(canonical, "endpoint_url")).toBe(canonical);
  });

  it.each([
    "",
    "api.openai.com/v1",
    "ftp://api.openai.com",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https://",
    "https://user@api.openai.com",
    "https://:password@api.openai.com",
    "https://@api.openai.com",
    "https:/\\@api.openai.com",
    "https:\\\\api.openai.com\\v1",
    "https://api.openai.com\\@127.0.0.1/v1",
    "https:api.openai.com/v1",
    "https:///api.openai.com/v1",
    "https://api.openai.com/v\t1",
    "https://api.openai.com/v\u00a01",
    "https://api.openai.com/v1#x",
    "https://api.openai.com/v1#",
    "https://api.openai.com/v1?key=x",
    "https://api.openai.com/v1?",
    `https://api.openai.com/${"x".repeat(2048)}`,
  ])("refuses %s", (raw) => {
    expect(() => canonicalEndpoint(raw, "endpoint_url")).toThrow(Fault);
  });
});

describe("what is no URL", () => {
  it.each([
    ["api.openai.com/v1", /it has no http:\/\/ or https:\/\/ before it/],
    ["localhost:11434", /it has no http/],
    ["https//api.openai.com", /a colon and two slashes belong behind/],
    ['"https://api.openai.com/v1"', /leave out what stands around it/],
    ["$OPENAI_BASE_URL", /a variable that nothing has replaced/],
    ["ws://api.openai.com", /v1$/],
  ])("is told: %s", (raw, says) => expect(() => canonicalEndpoint(raw, "endpoint_url")).toThrow(says));
});

describe("endpointHint", () => {
  it.each([
    { url: "https://a.example.com/v1/chat/completions", path: "/chat/completions", says: /apiPath adds it again/ },
    { url: "https://a.example.com/v1", path: "/v1/chat/completions", says: /apiPath begins with it/ },
    { url: "https://a.example.com", path: "/chat/completions", says: /\/v1/ },
    { url: "https://a.example.com/v1", path: "/chat/completions", says: /^none$/ },
  ])("of $url and $path", ({ url, path, says }) => {
    expect(endpointHint(url, path, true) ?? "none").toMatch(says);
  });
});

describe("requireBase", () => {
  it.each([
    { url: "https://a.example.com/v1/chat/completions", path: "/chat/completions", base: "https://a.example.com/v1" },
    { url: "https://a.example.com/v1/responses", path: "/chat/completions", base: "https://a.example.com/v1" },
    { url: "https://a.example.com/v1/messages", path: "/messages", base: "https://a.example.com/v1" },
    { url: "https://a.example.com/talk", path: "/talk", base: "https://a.example.com" },
  ])("refuses $url, and gives $base", ({ url, path, base }) => {
    expect(() => requireBase(url, path)).toThrow(`give ${base}, and chats go to ${base}${path}`);
  });

  it.each(["https://a.example.com/v1", "https://a.example.com", "https://a.example.com/models", "patchbay:demo"])(
    "takes %s",
    (url) => expect(() => requireBase(url, "/chat/completions")).not.toThrow(),
  );
});
