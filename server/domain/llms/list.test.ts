import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { Llm_ProviderType, Llm_Status } from "../../../gen/patchbay/v1/llm_pb.ts";
import {
  ListLlmsRequest_Direction as Direction,
  ListLlmsRequest_OrderBy as OrderBy,
} from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { llmRequest } from "../../test/service/llm-requests.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const NAMES = ["delta", "alpha", "Echo", "charlie", "bravo", "100%_sure"];

let server: TestServer;
let llms: Patchbay["llms"];
let key: string;

beforeAll(async () => {
  server = await startServer();
  key = (await server.addAccount("OWNER")).apiKey;
  llms = server.client(key).llms;
  for (const [index, displayName] of NAMES.entries()) {
    await llms.createLlm(
      llmRequest({
        displayName,
        labels: { parity: index % 2 === 0 ? "even" : "odd", index: String(index) },
        modelIdentifier: `model-${index % 3}`,
        providerType: index === 0 ? Llm_ProviderType.VLLM : Llm_ProviderType.OLLAMA,
      }),
    );
  }
  await server.client((await server.addAccount("OWNER")).apiKey).llms.createLlm(llmRequest({ displayName: "foreign" }));
});
afterAll(() => server.stop());

type Request = Parameters<Patchbay["llms"]["listLlms"]>[0];

async function names(request: Request): Promise<string[]> {
  return (await llms.listLlms(request)).llms.map(({ displayName }) => displayName);
}

async function pages(request: Request): Promise<string[][]> {
  const found: string[][] = [];
  for (let pageToken = ""; ; ) {
    const { llms: page, nextPageToken } = await llms.listLlms({ ...request, pageToken });
    found.push(page.map(({ displayName }) => displayName));
    if (!nextPageToken) return found;
    pageToken = nextPageToken;
  }
}

describe("listing", () => {
  it.each([
    { name: "by time of registration", request: {}, expected: NAMES },
    { name: "newest first", request: { direction: Direction.DESC }, expected: NAMES.toReversed() },
    {
      name: "by name",
      request: { orderBy: OrderBy.DISPLAY_NAME },
      expected: ["100%_sure", "Echo", "alpha", "bravo", "charlie", "delta"],
    },
    {
      name: "by name, backwards",
      request: { orderBy: OrderBy.DISPLAY_NAME, direction: Direction.DESC },
      expected: ["delta", "charlie", "bravo", "alpha", "Echo", "100%_sure"],
    },
    { name: "a provider type", request: { providerType: Llm_ProviderType.VLLM }, expected: ["delta"] },
    { name: "a status", request: { status: Llm_Status.ACTIVE }, expected: [] },
    { name: "a label", request: { labels: { parity: "odd" } }, expected: ["alpha", "charlie", "100%_sure"] },
    { name: "two labels", request: { labels: { parity: "odd", index: "3" } }, expected: ["charlie"] },
    { name: "part of a name, in any case", request: { search: "ECH" }, expected: ["Echo"] },
    { name: "a model", request: { search: "model-2" }, expected: ["Echo", "100%_sure"] },
    { name: "wildcards as characters", request: { search: "%_s" }, expected: ["100%_sure"] },
    { name: "a backslash as a character", request: { search: "\\" }, expected: [] },
    { name: "two characters where a word begins", request: { search: "DE" }, expected: ["delta"] },
    { name: "two characters nowhere else", request: { search: "lt" }, expected: [] },
    { name: "one character where a word begins", request: { search: "c" }, expected: ["charlie"] },
    {
      name: "a label in the singular",
      request: { label: { parity: "odd" } },
      expected: ["alpha", "charlie", "100%_sure"],
    },
    {
      name: "labels in both numbers",
      request: { label: { parity: "odd" }, labels: { parity: "odd", index: "3" } },
      expected: ["charlie"],
    },
  ])("finds $name", async ({ request, expected }) => expect(await names(request)).toEqual(expected));

  it.each([1, 2, 3, 6, 7])("walks through pages of %i, in every order, without gap or repetition", async (pageSize) => {
    for (const orderBy of [OrderBy.CREATED_AT, OrderBy.UPDATED_AT, OrderBy.DISPLAY_NAME, OrderBy.MODEL_IDENTIFIER]) {
      for (const direction of [Direction.ASC, Direction.DESC]) {
        const walked = await pages({ pageSize, orderBy, direction });
        expect(walked).toHaveLength(Math.ceil(NAMES.length / pageSize));
        expect(walked.flat()).toEqual(await names({ orderBy, direction }));
      }
    }
  });

  it.each([
    { name: "another filter", change: { search: "delta" } },
    { name: "another order", change: { orderBy: OrderBy.DISPLAY_NAME } },
    { name: "a changed token", change: (token: string) => ({ pageToken: `${token.slice(0, -2)}AA` }) },
    { name: "an invented token", change: { pageToken: "eyJ4IjoxfQ" } },
  ])("refuses a page token with $name", async ({ change }) => {
    const { nextPageToken } = await llms.listLlms({ pageSize: 1 });
    const request = {
      pageSize: 1,
      pageToken: nextPageToken,
      ...(typeof change === "function" ? change(nextPageToken) : change),
    };
    expect(await problemIn(llms.listLlms(request))).toMatchObject({
      code: "InvalidArgument",
      reason: "PAGE_TOKEN_INVALID",
    });
  });

  it("takes a page token for another page size", async () => {
    const { nextPageToken } = await llms.listLlms({ pageSize: 1 });
    expect(await names({ pageSize: 5, pageToken: nextPageToken })).toEqual(NAMES.slice(1));
  });

  it("refuses a label that is to have two values", async () => {
    const request = { label: { parity: "odd" }, labels: { parity: "even" } };
    expect(await problemIn(llms.listLlms(request))).toMatchObject({ reason: "INVALID_REQUEST" });
  });

  it.each([
    "label.parity=odd",
    "labels.parity=odd",
    "labels[parity]=odd",
    "labels=parity%3Dodd",
    "label.parity=odd&label.index=1",
  ])("takes the query %s over REST", async (query) => {
    const answer = await fetch(`${server.url}/v1/llms?${query}`, { headers: { authorization: `Bearer ${key}` } });
    const { llms: found } = await answer.json();
    expect(found.map(({ displayName }: { displayName: string }) => displayName)).toContain("alpha");
    expect(found.length).toBeLessThan(NAMES.length);
  });

  it("counts all pages when it is asked to, and not otherwise", async () => {
    expect((await llms.listLlms({ pageSize: 2 })).totalSize).toBeUndefined();
    const counted = { pageSize: 2, includeTotalSize: true };
    const first = await llms.listLlms(counted);
    expect(first).toMatchObject({ totalSize: NAMES.length, llms: { length: 2 } });
    expect((await llms.listLlms({ ...counted, pageToken: first.nextPageToken })).totalSize).toBe(NAMES.length);
    const filtered = await llms.listLlms({ ...counted, labels: { parity: "odd" }, search: "CHARLIE" });
    expect(filtered.totalSize).toBe(1);
    expect((await llms.listLlms({ ...counted, search: "nothing like it" })).totalSize).toBe(0);
  });

  it("refuses a negative page size", async () => {
    expect((await problemIn(llms.listLlms({ pageSize: -1 }))).fields[0]?.field).toBe("pageSize");
  });

  it("shows an ADMIN everybody's, or one account's", async () => {
    const admin = server.client(server.adminKey).llms;
    const all = await admin.listLlms({});
    expect(all.llms).toHaveLength(NAMES.length + 1);
    const [foreign] = (await admin.listLlms({ search: "foreign" })).llms;
    expect((await admin.listLlms({ ownerId: foreign?.ownerId ?? "" })).llms).toHaveLength(1);
    expect(await problemIn(llms.listLlms({ ownerId: foreign?.ownerId ?? "" }))).toMatchObject({
      reason: "PERMISSION_MISSING",
    });
  });
});
