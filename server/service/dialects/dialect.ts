import type { JsonObject } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext, Transport } from "@connectrpc/connect";

/** Reaches our own services for the caller of a call: every rule holds, and is checked there. */
export type Reach = (context: HandlerContext) => Transport;

/** The REST face of another API, at its own paths and in its own JSON. */
export interface Dialect {
  /** Registers its service. */
  routes(router: ConnectRouter, reach: Reach): void;
  /** How its errors look. Default: as everywhere. */
  readonly errors?: ErrorFormat;
}

/** How errors look below some paths. */
export interface ErrorFormat {
  /** Such as `/api/providers`. */
  readonly paths: readonly string[];
  /** The name of the schema in the OpenAPI document. */
  readonly name: string;
  /** The JSON Schema of what `present` makes. */
  readonly schema: JsonObject;
  present(error: DialectError): { readonly httpStatus: number; readonly body: JsonObject };
}

/** What there is to say of an error. */
export interface DialectError {
  readonly httpStatus: number;
  /** A word of `Reason` in reason.proto. */
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The names of the fields that are wrong. */
  readonly fields: readonly string[];
  /** What callers of our own API would get: `{"error": {…}}`. */
  readonly body: JsonObject;
}
