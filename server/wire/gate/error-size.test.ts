import { randomUUID } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { CreateLlmRequestSchema } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { fitFacts, fitMessage } from "./error-size.ts";

describe("fitMessage", () => {
  it.each([
    ["a short one as it is", "llm x already exists", "llm x already exists"],
    ["half a character as a whole one", "a\ud800", "a\ufffd"],
    ["a long one", "x".repeat(5_000), `${"x".repeat(1_597)}…`],
    ["one that would be long in a header", "%".repeat(1_600), `${"%".repeat(797)}…`],
    ["one of long characters, of which none is cut", "😀".repeat(1_000), `${"😀".repeat(199)}…`],
  ])("says %s", (_, message, said) => expect(fitMessage(message)).toBe(said));
});

describe("fitFacts", () => {
  it("counts the fields that it leaves out", () => {
    const fields = Array.from({ length: 100 }, (_, index) => ({ field: `labels[${index}]`, description: "too long" }));
    const { fields: kept = [], metadata } = fitFacts({ fields, metadata: { a: "b" } });
    expect(kept).toEqual(fields.slice(0, kept.length));
    expect(metadata).toEqual({ a: "b", moreFields: String(100 - kept.length) });
  });

  it("has whole milliseconds to wait, as any other fraction breaks the answer", () => {
    expect(fitFacts({ retryAfterMs: 59_999.123_456_7 }).retryAfterMs).toBe(60_000);
  });

  it("shortens a field of any length", () => {
    const { fields } = fitFacts({ fields: [{ field: "x".repeat(9_000), description: "y".repeat(9_000) }] });
    expect(fields).toEqual([
      { field: expect.stringMatching(/^x{197}…$/), description: expect.stringMatching(/^y{297}…$/) },
    ]);
  });
});

describe("an error over gRPC", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  it("has less than 8 KiB of metadata, whatever is wrong with the request", async () => {
    const labels = Object.fromEntries(
      Array.from({ length: 500 }, () => ["ü".repeat(300) + randomUUID(), "é".repeat(900)]),
    );
    const request = create(CreateLlmRequestSchema, {
      displayName: "ü".repeat(9_000),
      labels,
      ownerId: "😀".repeat(500),
    });
    const client = new Client(new URL(server.url).host, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${server.adminKey}`);
    const error = await new Promise<ServiceError | null>((resolve) => {
      client.makeUnaryRequest(
        "/patchbay.v1.LlmService/CreateLlm",
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes) => bytes,
        toBinary(CreateLlmRequestSchema, request),
        metadata,
        (failure) => resolve(failure),
      );
    });
    client.close();
    if (!error) throw new Error("the request was not refused");
    const sent = Object.entries(error.metadata.toHttp2Headers()).flatMap(([name, values]) =>
      [values].flat().map((value) => name.length + String(value).length + 32),
    );
    const message = encodeURIComponent(error.details).length;
    expect(sent.reduce((sum, size) => sum + size, message)).toBeLessThan(8_192);
    const [status] = error.metadata.get("grpc-status-details-bin");
    const types = fromBinary(StatusSchema, status as Buffer).details;
    const info = types.find(({ typeUrl }) => typeUrl.endsWith(ErrorInfoSchema.typeName));
    const badRequest = types.find(({ typeUrl }) => typeUrl.endsWith(BadRequestSchema.typeName));
    expect(fromBinary(ErrorInfoSchema, info?.value ?? new Uint8Array()).metadata).toHaveProperty("moreFields");
    expect(fromBinary(BadRequestSchema, badRequest?.value ?? new Uint8Array()).fieldViolations.length).toBeGreaterThan(
      2,
    );
  });
});
