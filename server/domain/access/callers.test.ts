import { createHmac, randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { exportJWK, exportSPKI, type JWTPayload } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApiKey_Role as Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { readConfig } from "../../config/config.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { llmRequest } from "../../test/service/llm-requests.ts";
import { type IssuerKey, LocalIssuer } from "../../test/upstream/local-issuer.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const AUDIENCE = "patchbay-of-the-team";

let issuer: LocalIssuer;
let key: IssuerKey;
/** Published, and of an algorithm that is not taken all the same. */
let other: IssuerKey;
let server: TestServer;
let accountId: string;
beforeAll(async () => {
  issuer = await LocalIssuer.start();
  key = await issuer.addKey("first");
  other = await issuer.addKey("other", "RS512");
  server = await startServer({ OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: AUDIENCE });
  ({ accountId } = await server.addAccount("OWNER"));
});
afterAll(async () => {
  await server.stop();
  await issuer.close();
});

const now = () => Math.floor(Date.now() / 1_000);

/** The claims of a token that is taken, but for what a test changes; undefined takes one away. */
function claims(changed: Record<string, unknown> = {}): JWTPayload {
  const all = {
    iss: issuer.url,
    aud: AUDIENCE,
    sub: "alice",
    iat: now(),
    exp: now() + 300,
    patchbay_account: accountId,
    patchbay_role: "MEMBER",
    ...changed,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const signed = (changed?: Record<string, unknown>, header?: Record<string, unknown>) =>
  issuer.sign(key, claims(changed), header);
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A status and a body, but for what names the call. */
async function answerTo(token: string, header = "authorization"): Promise<string> {
  const value = header === "authorization" ? `Bearer ${token}` : token;
  const response = await fetch(`${server.url}/v1/caller`, { headers: { [header]: value } });
  const text = (await response.text()).replace(/"requestId":"[^"]+"/, "");
  return `${response.status} ${response.headers.get("www-authenticate")} ${text}`;
}

describe("a token of the operator's issuer", () => {
  it.each(["authorization", "x-api-key", "x-discolike-key"])("says who calls, in the header %s", async (header) => {
    const answer = await answerTo(await signed(), header);
    expect(answer).toMatch(/^200 /);
    expect(JSON.parse(answer.slice("200 null ".length))).toMatchObject({
      accountId,
      subject: "alice",
      role: "MEMBER",
    });
  });

  it.each(["RS256", "PS256", "ES256", "EdDSA"])("may be signed by %s", async (algorithm) => {
    const own = await LocalIssuer.start();
    const its = await own.addKey("its", algorithm);
    const strict = await startServer({
      OIDC_ISSUER: own.url,
      OIDC_AUDIENCE: AUDIENCE,
      OIDC_JWKS_URI: `${own.url}/keys`,
    });
    try {
      const account = await strict.addAccount("OWNER");
      const token = await own.sign(its, claims({ iss: own.url, patchbay_account: account.accountId }));
      expect((await strict.client(token).access.getCaller({})).caller?.role).toBe(Role.MEMBER);
      expect(own.requests).toEqual(["/realms/patchbay/keys"]);
    } finally {
      await strict.stop();
      await own.close();
    }
  });

  it.each([
    { name: "one role among other words", role: ["offline_access", "VIEWER"], expected: Role.VIEWER },
    { name: "an ADMIN", role: "ADMIN", expected: Role.ADMIN },
  ])("gives the role of its claim: $name", async ({ role, expected }) => {
    const { access } = server.client(await signed({ patchbay_role: role }));
    expect((await access.getCaller({})).caller?.role).toBe(expected);
  });

  it("may do what its role may, and is named where it did so", async () => {
    const owner = server.client(await signed({ sub: "bob", patchbay_role: "OWNER" }));
    const { apiKey } = await owner.access.createApiKey({ displayName: "bob's script", role: Role.MEMBER });
    const { auditEvents } = await owner.audit.listAuditEvents({ resourceId: apiKey?.apiKeyId ?? "" });
    expect(auditEvents).toMatchObject([{ action: "apiKey.create", actorApiKeyId: "", actorSubject: "bob" }]);
    const viewer = server.client(await signed({ patchbay_role: "VIEWER" }));
    expect(await problemIn(viewer.access.listApiKeys({}))).toMatchObject({ reason: "PERMISSION_MISSING" });
    expect(await problemIn(viewer.access.createAccount({ displayName: "x" }))).toMatchObject({
      reason: "PERMISSION_MISSING",
    });
  });

  it("ends a watch that lasts longer than it does", async () => {
    // Half a minute longer than its word: clocks differ.
    const { llms } = server.client(await signed({ patchbay_role: "OWNER", iat: now() - 60, exp: now() - 27 }));
    const events = llms.watchLlms({})[Symbol.asyncIterator]();
    await events.next();
    await setTimeout(3_500);
    await server.client(await signed({ patchbay_role: "OWNER" })).llms.createLlm(llmRequest());
    expect(await problemIn(events.next())).toMatchObject({ reason: "API_KEY_REFUSED" });
  });

  it("is refused from the moment its account is gone", async () => {
    const { access } = server.client(server.adminKey);
    const { account } = await access.createAccount({ displayName: "short-lived" });
    const token = await signed({ patchbay_account: account?.accountId });
    expect(await answerTo(token)).toMatch(/^200 /);
    await access.deleteAccount({ accountId: account?.accountId ?? "" });
    await expect.poll(() => answerTo(token)).toMatch(/^401 /);
  });
});

/** Tokens that are none of ours to take, each for one reason. */
const BAD_TOKENS: Record<string, () => Promise<string> | string> = {
  "alg none, without a signature": () => `${encode({ alg: "none" })}.${encode(claims())}.`,
  "alg none, with one": async () => {
    const [, payload, signature] = (await signed()).split(".");
    return [encode({ alg: "none", kid: "first" }), payload, signature].join(".");
  },
  "HS256 with the public key as the secret": async () => {
    const body = `${encode({ alg: "HS256", kid: "first" })}.${encode(claims())}`;
    return `${body}.${createHmac("sha256", await exportSPKI(key.publicKey))
      .update(body)
      .digest("base64url")}`;
  },
  "HS256 with the public key's JWK as the secret": async () => {
    const body = `${encode({ alg: "HS256", kid: "first" })}.${encode(claims())}`;
    const secret = JSON.stringify(await exportJWK(key.publicKey));
    return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
  },
  "another issuer": () => signed({ iss: "https://else.example.com" }),
  "the issuer with a slash more": () => signed({ iss: `${issuer.url}/` }),
  "no issuer": () => signed({ iss: undefined }),
  "another audience": () => signed({ aud: "another service" }),
  "no audience": () => signed({ aud: undefined }),
  "an end that has passed": () => signed({ iat: now() - 400, exp: now() - 60 }),
  "no end": () => signed({ exp: undefined }),
  "an end that is no number": () => signed({ exp: "never" }),
  "a beginning yet to come": () => signed({ nbf: now() + 120 }),
  "no time of issue": () => signed({ iat: undefined }),
  "a time of issue yet to come": () => signed({ iat: now() + 120 }),
  "a time of issue long ago, though it has not ended": () => signed({ iat: now() - 25 * 3_600 }),
  "no subject": () => signed({ sub: undefined }),
  "an empty subject": () => signed({ sub: "" }),
  "a subject without end": () => signed({ sub: "a".repeat(256) }),
  "a changed payload": async () => {
    const [header, , signature] = (await signed()).split(".");
    return [header, encode(claims({ patchbay_role: "ADMIN" })), signature].join(".");
  },
  "a signature of another key under a known kid": async () => {
    const stranger = await issuer.addKey("first", "RS256", { published: false });
    return issuer.sign(stranger, claims());
  },
  "its own key in the header (jwk)": async () => {
    const stranger = await issuer.addKey("first", "RS256", { published: false });
    return issuer.sign(stranger, claims(), { jwk: await exportJWK(stranger.publicKey) });
  },
  "an address of keys in the header (jku)": async () => {
    const stranger = await issuer.addKey("stranger", "RS256", { published: false });
    return issuer.sign(stranger, claims(), { jku: `${issuer.url}/jku` });
  },
  "an address of certificates in the header (x5u)": async () => {
    const stranger = await issuer.addKey("stranger", "RS256", { published: false });
    return issuer.sign(stranger, claims(), { x5u: `${issuer.url}/x5u` });
  },
  "an unknown kid": async () => issuer.sign(await issuer.addKey("unknown", "RS256", { published: false }), claims()),
  "an algorithm that is not on the list": () => issuer.sign(other, claims()),
  "a critical header that nobody knows": async () => {
    const [, payload, signature] = (await signed()).split(".");
    return [encode({ alg: "RS256", kid: "first", crit: ["x"], x: 1 }), payload, signature].join(".");
  },
  "an account that is not there": () => signed({ patchbay_account: randomUUID() }),
  "an account that is no UUID": () => signed({ patchbay_account: "' or 1=1 --" }),
  "no account": () => signed({ patchbay_account: undefined }),
  "no role": () => signed({ patchbay_role: undefined }),
  "a role in other letters": () => signed({ patchbay_role: "admin" }),
  "a role that is a property of every object": () => signed({ patchbay_role: "constructor" }),
  "two roles": () => signed({ patchbay_role: ["VIEWER", "ADMIN"] }),
  "three parts of nothing": () => "a.b.c",
};

describe("a token is refused", () => {
  it.each(Object.entries(BAD_TOKENS))("with %s", async (_, make) => {
    const told = await answerTo("nonsense");
    expect(told).toMatch(/^401 Bearer /);
    // Byte for byte what everybody is told whose key is not known here.
    expect(await answerTo(await make())).toBe(told);
  });

  it("without a call to where its header points", () => {
    expect(issuer.requests.filter((url) => /jku|x5u/.test(url))).toEqual([]);
  });

  it("by a server without an issuer", async () => {
    const without = await startServer();
    const response = await fetch(`${without.url}/v1/caller`, {
      headers: { authorization: `Bearer ${await signed()}` },
    });
    expect(response.status).toBe(401);
    await without.stop();
  });

  it("and never told to anybody, nor to the log", async () => {
    const token = await signed({ aud: "canary" });
    await answerTo(token);
    expect(JSON.stringify(server.log)).not.toContain(token.slice(0, 40));
  });
});

describe("the settings", () => {
  it.each([
    { name: "no audience", said: { OIDC_ISSUER: "https://login.example.com" }, problem: /OIDC_AUDIENCE is missing/ },
    { name: "an audience alone", said: { OIDC_AUDIENCE: "x" }, problem: /without OIDC_ISSUER/ },
    { name: "clear text", said: { OIDC_ISSUER: "http://login.example.com", OIDC_AUDIENCE: "x" }, problem: /https/ },
    { name: "no URL", said: { OIDC_ISSUER: "login", OIDC_AUDIENCE: "x" }, problem: /OIDC_ISSUER cannot be used/ },
    {
      name: "keys in clear text",
      said: { OIDC_ISSUER: "https://a.example.com", OIDC_AUDIENCE: "x", OIDC_JWKS_URI: "http://b.example.com/k" },
      problem: /OIDC_JWKS_URI cannot be used/,
    },
    {
      name: "a metadata service",
      said: { OIDC_ISSUER: "https://169.254.169.254", OIDC_AUDIENCE: "x" },
      problem: /OIDC_ISSUER cannot be used/,
    },
  ])("are refused with $name", ({ said, problem }) => {
    expect(() => readConfig(said as unknown as NodeJS.ProcessEnv)).toThrow(problem);
  });
});
