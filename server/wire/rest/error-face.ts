import type { JsonObject } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { WireError } from "../call/wire-error.ts";
import type { ErrorAnswer } from "./error-body.ts";

/** How errors look to the callers of some paths. */
export interface ErrorFace {
  /** Such as `/api/things`, for itself and all that is below. */
  readonly paths: readonly string[];
  present(error: FacedError): { readonly httpStatus: number; readonly body: JsonObject };
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
}

/** An error for a face, from the answer that it would be. */
export function describeAnswer(error: ConnectError, { httpStatus }: ErrorAnswer): FacedError {
  const [info] = error.findDetails(ErrorInfoSchema);
  const [badRequest] = error.findDetails(BadRequestSchema);
  return {
    httpStatus,
    reason: info?.reason ?? (error instanceof WireError ? error.reason : ""),
    message: error.rawMessage,
    metadata: info?.metadata ?? {},
    fields: (badRequest?.fieldViolations ?? []).map(({ field }) => field),
  };
}

/** Whether a path is another one or below it. */
export function isBelow(path: string, candidate: string): boolean {
  return candidate === path || candidate.startsWith(`${path}/`);
}
