import { create, createRegistry, toBinary } from "@bufbuild/protobuf";
import { anyPack, DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { ErrorInfoSchema, ResourceInfoSchema, RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { invalidField, messageTooLarge } from "../call/wire-error.ts";
import { presentError, readError } from "./errors.ts";

const options = { errorDomain: "test.example", registry: createRegistry(ErrorInfoSchema, ResourceInfoSchema) };
const added = (reason: string) => ({
  "@type": "type.googleapis.com/google.rpc.ErrorInfo",
  reason,
  domain: "test.example",
});

describe("presentError", () => {
  it.each([
    [Code.Canceled, 499, "CANCELLED", "CALL_CANCELLED"],
    [Code.Unknown, 500, "UNKNOWN", "UNKNOWN"],
    [Code.InvalidArgument, 400, "INVALID_ARGUMENT", "INVALID_REQUEST"],
    [Code.DeadlineExceeded, 504, "DEADLINE_EXCEEDED", "DEADLINE_PASSED"],
    [Code.NotFound, 404, "NOT_FOUND", "NOT_FOUND"],
    [Code.AlreadyExists, 409, "ALREADY_EXISTS", "ALREADY_EXISTS"],
    [Code.PermissionDenied, 403, "PERMISSION_DENIED", "PERMISSION_DENIED"],
    [Code.ResourceExhausted, 429, "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED"],
    [Code.FailedPrecondition, 400, "FAILED_PRECONDITION", "FAILED_PRECONDITION"],
    [Code.Aborted, 409, "ABORTED", "ABORTED"],
    [Code.OutOfRange, 400, "OUT_OF_RANGE", "OUT_OF_RANGE"],
    [Code.Unimplemented, 501, "UNIMPLEMENTED", "UNIMPLEMENTED"],
    [Code.Internal, 500, "INTERNAL", "INTERNAL_ERROR"],
    [Code.Unavailable, 503, "UNAVAILABLE", "UNAVAILABLE"],
    [Code.DataLoss, 500, "DATA_LOSS", "DATA_LOSS"],
    [Code.Unauthenticated, 401, "UNAUTHENTICATED", "UNAUTHENTICATED"],
  ])("gives code %i the status %i, its name and a reason", (code, httpStatus, status, reason) => {
    expect(presentError(new ConnectError("why", code), options)).toMatchObject({
      httpStatus,
      body: { error: { code: httpStatus, status, message: "why", details: [added(reason)] } },
    });
  });

  it("prints details as Any and keeps an ErrorInfo that is there", () => {
    const error = new ConnectError("taken", Code.AlreadyExists, undefined, [
      { desc: ErrorInfoSchema, value: { reason: "TAKEN", domain: "mine", metadata: { id: "1" } } },
      { desc: ResourceInfoSchema, value: { resourceName: "books/1" } },
      { desc: TimestampSchema, value: { seconds: 0n } },
    ]);
    expect(presentError(error, options).body.error).toHaveProperty("details", [
      { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "TAKEN", domain: "mine", metadata: { id: "1" } },
      { "@type": "type.googleapis.com/google.rpc.ResourceInfo", resourceName: "books/1" },
      { "@type": "type.googleapis.com/google.protobuf.Timestamp", value: "1970-01-01T00:00:00Z" },
    ]);
  });

  it("prints details that came from another server, if their type is known", () => {
    const error = new ConnectError("upstream", Code.NotFound);
    const value = toBinary(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "GONE" }));
    error.details.push({ type: ErrorInfoSchema.typeName, value }, { type: "test.Unknown", value });
    expect(presentError(error, options).body.error).toHaveProperty("details", [
      { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "GONE" },
    ]);
  });

  it("leaves out a detail that cannot be printed", () => {
    const any = anyPack(RetryInfoSchema, create(RetryInfoSchema)); // Not in the registry.
    const error = new ConnectError("x", Code.NotFound, undefined, [{ desc: StatusSchema, value: { details: [any] } }]);
    expect(presentError(error, options).body.error).toHaveProperty("details", [added("NOT_FOUND")]);
  });

  it.each([
    [{ seconds: 3n }, "3"],
    [{ seconds: 3n, nanos: 1 }, "4"],
    [{ seconds: 0n, nanos: 500_000_000 }, "1"],
    [{ seconds: -5n }, "0"],
  ])("makes a RetryInfo of %o a Retry-After of %s", (delay, seconds) => {
    const value = { retryDelay: create(DurationSchema, delay) };
    const error = new ConnectError("busy", Code.Unavailable, undefined, [{ desc: RetryInfoSchema, value }]);
    expect(presentError(error, options).headers.get("retry-after")).toBe(seconds);
  });

  it("asks for a bearer token, unless the error asks for something else", () => {
    const headers = (metadata?: HeadersInit) =>
      presentError(new ConnectError("", Code.Unauthenticated, metadata), options).headers.get("www-authenticate");
    expect(headers()).toBe("Bearer");
    expect(headers({ "www-authenticate": "Basic" })).toBe("Basic");
  });

  it("names wrong fields", () => {
    expect(presentError(invalidField("a.b", "must be a string"), options).body.error).toMatchObject({
      message: "a.b: must be a string",
      details: [
        added("INVALID_REQUEST"),
        {
          "@type": "type.googleapis.com/google.rpc.BadRequest",
          fieldViolations: [{ field: "a.b", description: "must be a string" }],
        },
      ],
    });
  });

  it("has a status of its own where the code has another", () => {
    expect(presentError(messageTooLarge(5), options)).toMatchObject({
      httpStatus: 413,
      body: { error: { code: 413, status: "RESOURCE_EXHAUSTED" } },
    });
  });
});

describe("readError", () => {
  const reason = new ConnectError("too late", Code.DeadlineExceeded);

  it.each([
    ["a bug", new Error("secret"), undefined, "INTERNAL_ERROR"],
    ["anything thrown", "secret", undefined, "INTERNAL_ERROR"],
    ["nothing thrown", undefined, undefined, "INTERNAL_ERROR"],
    ["an AbortError without an abort", new DOMException("secret", "AbortError"), undefined, "INTERNAL_ERROR"],
  ])("shows nothing of %s", (_, thrown, signal, expected) => {
    const error = readError(thrown, signal);
    expect(error).toMatchObject({ code: Code.Internal, rawMessage: "internal error", reason: expected, cause: thrown });
  });

  it("lets the reason of an abort stand for what the abort broke", () => {
    expect(readError(new Error("fetch failed"), AbortSignal.abort(reason))).toBe(reason);
    expect(readError(new Error("fetch failed"), AbortSignal.abort())).toMatchObject({ code: Code.Canceled });
  });

  it("keeps an error that was meant for the caller", () => {
    const error = new ConnectError("no", Code.NotFound);
    expect(readError(error, AbortSignal.abort(reason))).toBe(error);
  });
});
