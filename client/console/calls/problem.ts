import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RequestInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";

/** What an error says, in the server's own words. */
export interface Problem {
  /** Empty when no server has answered. */
  readonly message: string;
  /** A word of reason.proto; empty when the error did not come from the server. */
  readonly reason: string;
  readonly requestId: string;
  readonly fields: readonly { readonly field: string; readonly description: string }[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly isUnauthenticated: boolean;
  readonly isCanceled: boolean;
}

/** The contract's name of a field that a violation names: callers who speak JSON are told JSON's names. */
export function contractNameOf(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Whether a violation is about a field of the contract, or about something within it. */
export function isAbout(violation: string, field: string): boolean {
  const path = contractNameOf(violation);
  return path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`);
}

/** What is said of a field of the contract. */
export function saidOf(fields: Problem["fields"], field: string): string | undefined {
  return fields.find((violation) => isAbout(violation.field, field))?.description;
}

export function problemOf(error: unknown): Problem {
  const failure = ConnectError.from(error);
  const [info] = failure.findDetails(ErrorInfoSchema);
  const violations = failure.findDetails(BadRequestSchema)[0]?.fieldViolations ?? [];
  return {
    // What a browser says when there was no answer at all is no word of the server.
    message: failure.cause instanceof TypeError ? "" : failure.rawMessage,
    reason: info?.reason ?? "",
    requestId: failure.findDetails(RequestInfoSchema)[0]?.requestId ?? "",
    fields: violations.map(({ field, description }) => ({ field, description })),
    metadata: info?.metadata ?? {},
    isUnauthenticated: failure.code === Code.Unauthenticated,
    isCanceled: failure.code === Code.Canceled,
  };
}

/** What is said of the server by itself, or by nobody: the same may be answered otherwise in a moment. */
const PASSING = new Set(["STORE_UNAVAILABLE", "SERVER_STOPPING", "SERVER_BUSY", ""]);

export const isPassing = ({ reason }: Problem) => PASSING.has(reason);
