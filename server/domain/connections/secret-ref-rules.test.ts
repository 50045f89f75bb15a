import { describe, expect, it } from "vitest";
import { SecretRef } from "./secret-ref.ts";
import { findSecretRefRule, parseSecretRefRules } from "./secret-ref-rules.ts";

const OWN = new Set(["DATABASE_URL", "BOOTSTRAP_API_KEY", "VAULT_TOKEN", "KEYRING_FILE"]);
const OWNER = "c0a8b1d2-3e4f-4a5b-8c6d-7e8f90a1b2c3";
const OTHER = "5b1f2a3c-6d7e-4f80-91a2-b3c4d5e6f708";

const allows = (setting: string, uri: string, url: string, ownerId = OWNER) =>
  findSecretRefRule(parseSecretRefRules(setting, OWN), SecretRef.parse(uri), ownerId, url) !== undefined;

describe("a secret reference", () => {
  it.each([
    "env://OPENAI_API_KEY",
    "file:///run/secrets/openai.key",
    "vault://kv/teams/ai#openai",
    "vault://kv/a#b-c.d",
  ])("can be %s", (uri) => expect(SecretRef.parse(uri).uri).toBe(uri));

  it.each([
    "env://",
    "env://OPENAI-KEY",
    "env://A/B",
    "env://A#b",
    "env://%41",
    "file://run/secrets/a",
    "file:///",
    "file:///run/secrets/",
    "file:///run//secrets",
    "file:///run/../etc/shadow",
    "file:///run/./a",
    "file:///run/%2e%2e/etc/shadow",
    "file:///run\\..\\a",
    "file:///run/secrets/a?b",
    "file:///run/secrets/a#b",
    "file:///run/a b",
    "vault://kv",
    "vault://kv/a",
    "vault://kv/a#",
    "vault://kv/../sys/a#b",
    "vault://kv/a/../../b#c",
    "vault:///kv/a#b",
    "vault://kv/a#b#c",
    "vault://kv/a#b/c",
    "ENV://A",
    "http://169.254.169.254/latest",
    "sk-proj-0123456789",
  ])("cannot be %s", (uri) => expect(() => SecretRef.parse(uri)).toThrow("must look like env://NAME"));

  it("is not repeated when it is none: it may be a key", () => {
    expect(() => SecretRef.parse("env://sk-proj-0123456789")).not.toThrow("0123456789");
  });
});

describe("a rule", () => {
  const openAi = "https://api.openai.com";
  const chat = `${openAi}/v1/chat/completions`;

  it.each([
    { setting: `env://OPENAI_API_KEY@${openAi}`, uri: "env://OPENAI_API_KEY" },
    { setting: `env://OPENAI_*@${openAi}`, uri: "env://OPENAI_KEY_2" },
    { setting: `env://A@https://a.example.com, env://OPENAI_KEY@${openAi}/v1/`, uri: "env://OPENAI_KEY" },
    { setting: "env://OPENAI_KEY@*", uri: "env://OPENAI_KEY" },
    { setting: `file:///run/secrets/@${openAi}`, uri: "file:///run/secrets/team/openai" },
    { setting: `file:///run/secrets/openai@${openAi}`, uri: "file:///run/secrets/openai" },
    { setting: `file:///run/secrets/{owner}/@${openAi}`, uri: `file:///run/secrets/${OWNER}/openai` },
    { setting: `vault://kv/patchbay/@${openAi}`, uri: "vault://kv/patchbay/openai#key" },
    { setting: `vault://kv/patchbay/openai@${openAi}`, uri: "vault://kv/patchbay/openai#key" },
    { setting: `vault://kv/patchbay/openai#key@HTTPS://API.openai.com:443`, uri: "vault://kv/patchbay/openai#key" },
  ])("$setting allows $uri", ({ setting, uri }) => expect(allows(setting, uri, chat)).toBe(true));

  it.each([
    { setting: "", uri: "env://OPENAI_API_KEY", url: chat },
    { setting: `env://OPENAI_API_KEY@${openAi}`, uri: "env://OPENAI_API_KEY_2", url: chat },
    { setting: `env://OPENAI_*@${openAi}`, uri: "env://OPENAPI", url: chat },
    { setting: `env://OPENAI_*@${openAi}`, uri: "env://openai_key", url: chat },
    { setting: `file:///run/secrets/@${openAi}`, uri: "file:///run/secrets2/openai", url: chat },
    { setting: `file:///run/secrets/openai@${openAi}`, uri: "file:///run/secrets/openai2", url: chat },
    { setting: `file:///run/secrets/openai@${openAi}`, uri: "file:///run/secrets/openai/x", url: chat },
    { setting: `file:///run/secrets/{owner}/@${openAi}`, uri: `file:///run/secrets/${OTHER}/openai`, url: chat },
    { setting: `file:///run/secrets/{owner}/@${openAi}`, uri: `file:///run/secrets/${OWNER}2/openai`, url: chat },
    { setting: `vault://kv/patchbay/@${openAi}`, uri: "vault://kv/patchbay-prod/openai#key", url: chat },
    { setting: `vault://kv/patchbay/@${openAi}`, uri: "vault://kv2/patchbay/openai#key", url: chat },
    { setting: `vault://kv/patchbay/openai#key@${openAi}`, uri: "vault://kv/patchbay/openai#other", url: chat },
    // Where it may go.
    { setting: `env://A@${openAi}`, uri: "env://A", url: "https://api.openai.com.evil.example/v1/chat/completions" },
    { setting: `env://A@${openAi}`, uri: "env://A", url: "https://api.openai.com:8443/v1/chat/completions" },
    { setting: `env://A@${openAi}`, uri: "env://A", url: "http://api.openai.com/v1/chat/completions" },
    { setting: `env://A@${openAi}`, uri: "env://A", url: "https://evil.example/https://api.openai.com/v1" },
    { setting: "env://A@https://gw.example/v1/us", uri: "env://A", url: "https://gw.example/v1/usurper/chat" },
    { setting: "env://A@https://gw.example/v1/us", uri: "env://A", url: "https://gw.example/v1/them/chat" },
  ])("$setting does not allow $uri for $url", ({ setting, uri, url }) => expect(allows(setting, uri, url)).toBe(false));

  it.each([
    { entry: "env://OPENAI_API_KEY", says: "where its secrets may be sent" },
    { entry: "file:///run/secrets/", says: "where its secrets may be sent" },
    { entry: "env://*@https://a.example.com", says: "must look like" },
    { entry: "env://A*B@https://a.example.com", says: "must look like" },
    { entry: "env://A#b@https://a.example.com", says: "must look like" },
    { entry: "file:///@https://a.example.com", says: "must look like" },
    { entry: "file:///run/*@https://a.example.com", says: "must look like" },
    { entry: "file:///run/../etc/@https://a.example.com", says: "must look like" },
    { entry: "vault://kv/a/#b@https://a.example.com", says: "must look like" },
    { entry: "vault://kv@https://a.example.com", says: "must look like" },
    { entry: "OPENAI_API_KEY@https://a.example.com", says: "must look like" },
    { entry: "env://A@ftp://a.example.com", says: "no endpoint" },
    { entry: "env://A@https://user@a.example.com", says: "no endpoint" },
    { entry: "env://A@https://*.example.com/?x", says: "no endpoint" },
    { entry: "env://DATABASE_URL@https://a.example.com", says: "never given out" },
    { entry: "env://VAULT_TOKEN@*", says: "never given out" },
    { entry: "env://KEYRING@*", says: "never given out" },
    { entry: "env://PGPASSWORD@*", says: "never given out" },
  ])("is not $entry", ({ entry, says }) => expect(() => parseSecretRefRules(entry, OWN)).toThrow(says));
});
