import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../server/test-server.ts";
import { llmRequest } from "../service/llm-requests.ts";

let server: TestServer;
let key: string;
let accountId: string;
/** The paths of resources that have an etag. */
const paths: Record<string, string> = {};
beforeAll(async () => {
  server = await startServer();
  ({ apiKey: key, accountId } = await server.addAccount("OWNER"));
  const owner = server.client(key);
  const llmId = (await owner.llms.createLlm(llmRequest())).llm?.llmId ?? "";
  paths.llm = `/v1/llms/${llmId}`;
  const { route } = await owner.routes.createRoute({ name: "support", tiers: [{ targets: [{ llmId }] }] });
  paths.route = `/v1/routes/${route?.routeId}`;
  await owner.providers.upsertProvider({
    name: "shared",
    displayName: "Shared",
    endpointUrl: "https://llm.example.com/v1",
  });
  paths.provider = "/v1/providers/shared";
});
afterAll(() => server.stop());

async function call(method: string, path: string, ifMatch?: string, body?: object, by = key) {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${by}`,
      "content-type": "application/json",
      ...(ifMatch !== undefined && { "if-match": ifMatch }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, text, etag: /"etag":\s*"([^"]*)"/.exec(text)?.[1] ?? "" };
}

describe.each([
  ["llm", "PATCH"],
  ["route", "PATCH"],
  ["provider", "PUT"],
])("If-Match of a change of a %s", (noun, method) => {
  it("is taken as its etag, however it is written, and refuses a change from another version", async () => {
    const path = paths[noun] ?? "";
    for (const write of [
      (etag: string) => `"${etag}"`,
      (etag: string) => `W/"${etag}"`,
      (etag: string) => etag,
      () => "*",
    ]) {
      const { etag } = await call("GET", path);
      const changed = await call(method, path, write(etag), { displayName: `by ${etag}` });
      expect(changed.status, changed.text).toBe(200);
      const stale = await call(method, path, '"r999"', { displayName: "stale" });
      expect(stale.status).toBe(409);
      expect(stale.text).toContain("ETAG_MISMATCH");
    }
    expect((await call("DELETE", path, '"r999"')).text).toContain("ETAG_MISMATCH");
  });

  it("is one, and no other than that of the body", async () => {
    const path = paths[noun] ?? "";
    const { etag } = await call("GET", path);
    const several = await call(method, path, `"${etag}", "r1"`, { displayName: "x" });
    expect(several).toMatchObject({ status: 400, text: expect.stringContaining("If-Match: must be one etag") });
    const other = await call(method, path, `"${etag}"`, { displayName: "x", etag: "r999" });
    expect(other).toMatchObject({ status: 400, text: expect.stringContaining("is given by If-Match") });
  });
});

it("If-Match is refused where nothing would look at it", async () => {
  for (const [path, body] of [
    [`/v1/accounts/${accountId}`, { displayName: "x" }],
    ["/v1/apiKeys/abcdefghijklmnop", { displayName: "x" }],
  ] as const) {
    const answer = await call("PATCH", path, '"r1"', body, server.adminKey);
    expect(answer, path).toMatchObject({ status: 400, text: expect.stringContaining("If-Match: is not taken here") });
  }
});

it("an empty list of what cannot be empty is refused, and not passed over", async () => {
  const answer = await call("PATCH", paths.route ?? "", undefined, { tiers: [] });
  expect(answer).toMatchObject({ status: 400, text: expect.stringContaining("tiers: cannot be empty") });
});
