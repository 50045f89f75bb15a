import { create, type DescMessage, fromBinary, type JsonObject, type Registry, toJson } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.ts";
import type { Rename } from "../call/json-names.ts";
import { WireError } from "../call/wire-error.ts";

/** An error as it goes to the caller. */
export interface ErrorAnswer {
  readonly httpStatus: number;
  /** AIP-193: `{"error": {…}}`. */
  readonly body: JsonObject;
  readonly headers: Headers;
}

/** What error bodies need to know. */
export interface ErrorBodyOptions {
  /** The domain of an ErrorInfo that is added. */
  readonly errorDomain: string;
  /** The types of the messages inside Any. */
  readonly registry: Registry;
  /** Spells the names of fields as JSON has them. Default: as they are. */
  readonly jsonNames?: Rename | undefined;
  /** Told to the caller, unless the error has it already. */
  readonly requestId?: string | undefined;
}

/**
 * The error that the caller sees for anything thrown. What is no ConnectError is a bug: the caller learns nothing of it.
 * After an abort, the reason of the abort stands for whatever the abort broke.
 */
export function readError(thrown: unknown, signal?: AbortSignal): ConnectError {
  if (thrown instanceof ConnectError) return thrown;
  if (signal?.aborted) {
    if (signal.reason instanceof ConnectError) return signal.reason;
    return new ConnectError("the call was cancelled", Code.Canceled, undefined, undefined, signal.reason);
  }
  return new WireError("INTERNAL_ERROR", Code.Internal, "internal error", { cause: thrown });
}

/** Presents an error by AIP-193. Every error gets an ErrorInfo, and a RetryInfo also a Retry-After. */
export function presentError(error: ConnectError, options: ErrorBodyOptions): ErrorAnswer {
  const { errorDomain, registry, requestId } = options;
  // What this library refuses by itself has its names as the caller wrote them.
  const jsonNames = (error instanceof WireError ? undefined : options.jsonNames) ?? ((text: string) => text);
  const httpStatus = (error instanceof WireError ? error.httpStatus : undefined) ?? codeToHttpStatus(error.code);
  const status = statusName(error.code);
  const details = error.details
    .map((detail) => presentDetail(detail, registry))
    .filter((detail) => detail !== undefined)
    .map((detail) => withJsonNames(detail, jsonNames));
  if (!error.details.some((detail) => typeNameOf(detail) === ErrorInfoSchema.typeName)) {
    const reason = error instanceof WireError ? error.reason : reasonOf(error.code, status);
    const info = create(ErrorInfoSchema, { reason, domain: errorDomain });
    details.unshift(asAny(ErrorInfoSchema, toJson(ErrorInfoSchema, info) as JsonObject));
  }
  if (requestId !== undefined && !error.details.some((detail) => typeNameOf(detail) === RequestInfoSchema.typeName)) {
    const info = create(RequestInfoSchema, { requestId });
    details.push(asAny(RequestInfoSchema, toJson(RequestInfoSchema, info) as JsonObject));
  }
  const headers = new Headers(error.metadata);
  const [retryInfo] = error.findDetails(RetryInfoSchema);
  if (retryInfo?.retryDelay) headers.set("retry-after", String(wholeSeconds(retryInfo.retryDelay)));
  if (httpStatus === 401 && !headers.has("www-authenticate")) headers.set("www-authenticate", "Bearer");
  return {
    httpStatus,
    body: { error: { code: httpStatus, status, message: jsonNames(error.rawMessage), details } },
    headers,
  };
}

/** The name of a code as google.rpc.Code has it: Connect's spells one word differently. */
export function statusName(code: Code): string {
  if (code === Code.Canceled) return "CANCELLED";
  return (Code[code] ?? "Unknown").replace(/(?<=[a-z])[A-Z]/g, (capital) => `_${capital}`).toUpperCase();
}

function reasonOf(code: Code, status: string): string {
  switch (code) {
    case Code.InvalidArgument:
      return "INVALID_REQUEST";
    case Code.DeadlineExceeded:
      return "DEADLINE_PASSED";
    case Code.Canceled:
      return "CALL_CANCELLED";
    case Code.Internal:
      return "INTERNAL_ERROR";
    default:
      return status;
  }
}

type Detail = ConnectError["details"][number];

function typeNameOf(detail: Detail): string {
  return "desc" in detail ? detail.desc.typeName : detail.type;
}

/** A detail that cannot be printed is left out: nothing may keep the error itself from the caller. */
function presentDetail(detail: Detail, registry: Registry): JsonObject | undefined {
  const desc = "desc" in detail ? detail.desc : registry.getMessage(detail.type);
  if (desc === undefined) return undefined;
  try {
    const message = "desc" in detail ? create(desc, detail.value) : fromBinary(desc, detail.value);
    return asAny(desc, toJson(desc, message, { registry }));
  } catch {
    return undefined;
  }
}

/** The fields that a BadRequest names. */
function withJsonNames(detail: JsonObject, rename: Rename): JsonObject {
  const { fieldViolations } = detail;
  if (!Array.isArray(fieldViolations)) return detail;
  const spelled = fieldViolations.map((violation) => {
    const { field, description } = violation as { field?: string; description?: string };
    return { ...(violation as JsonObject), field: rename(field ?? ""), description: rename(description ?? "") };
  });
  return { ...detail, fieldViolations: spelled };
}

function asAny(desc: DescMessage, json: unknown): JsonObject {
  const typeUrl = `type.googleapis.com/${desc.typeName}`;
  const hasFields = typeof json === "object" && !desc.typeName.startsWith("google.protobuf.");
  return hasFields ? { "@type": typeUrl, ...json } : ({ "@type": typeUrl, value: json } as JsonObject);
}

function wholeSeconds({ seconds, nanos }: Duration): number {
  return Math.max(0, Number(seconds) + (nanos > 0 ? 1 : 0));
}

/** How errors look to the callers of some paths. */
export interface ErrorFormat {
  /** Such as `/api/things`, for itself and all that is below. */
  readonly paths: readonly string[];
  /** Whether a path that two formats have is this one's, by the headers of the call; undefined: none is shared. */
  readonly claims?: (header: (name: string) => string | undefined) => boolean;
  present(
    error: FacedError,
    path: string,
  ): { readonly httpStatus: number; readonly body: JsonObject; readonly headers?: Readonly<Record<string, string>> };
}

/** What there is to say of an error. */
export interface FacedError {
  readonly httpStatus: number;
  /** The reason of its ErrorInfo. */
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The names of the fields that are wrong. */
  readonly fields: readonly string[];
  /** Empty where the call has none. */
  readonly requestId: string;
  /** The body that it would have. */
  readonly body: JsonObject;
}

/** An error for a face, from the answer that it would be. The id is for what was refused before a record saw the call. */
export function describeAnswer(error: ConnectError, { httpStatus, body }: ErrorAnswer, requestId = ""): FacedError {
  const [info] = error.findDetails(ErrorInfoSchema);
  const [badRequest] = error.findDetails(BadRequestSchema);
  const [requestInfo] = error.findDetails(RequestInfoSchema);
  return {
    httpStatus,
    reason: info?.reason ?? (error instanceof WireError ? error.reason : ""),
    message: error.rawMessage,
    metadata: info?.metadata ?? {},
    fields: (badRequest?.fieldViolations ?? []).map(({ field }) => field),
    requestId: requestInfo?.requestId ?? requestId,
    body,
  };
}

/** Whether a path is another one or below it. */
export function isBelow(path: string, candidate: string): boolean {
  return candidate === path || candidate.startsWith(`${path}/`);
}
