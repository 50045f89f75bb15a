import type { DescMethod, JsonObject } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";

/** A call of an API that programs speak already, as it came. */
export interface FaceRequest {
  /** Decompressed; empty if there is none. */
  readonly body: Buffer;
  /** As sent. */
  readonly query: string;
  /** What the path's variables stand for, decoded. */
  readonly variables: readonly string[];
}

/** What such a call is answered with: one body, or bytes as they come. */
export type FaceReply = (
  | { readonly body: Buffer | string }
  /** An event stream. What it fails with after its beginning becomes its last event. */
  | { readonly pieces: AsyncIterator<readonly Buffer[], void> }
) & {
  /** By their names in small letters. No Headers: to make and read them takes longer than all that they say. */
  readonly headers?: ReplyHeaders;
};

/** The headers of an answer, by their names in small letters. */
export type ReplyHeaders = ReadonlyMap<string, string>;

/** Answers the calls of one rpc; what it throws is presented by the errors of its API. */
export type FaceHandler = (request: FaceRequest, context: HandlerContext) => Promise<FaceReply>;

/** An API that programs speak already, at its own paths and in its own bytes. */
export interface Face {
  readonly handlers: ReadonlyMap<DescMethod, FaceHandler>;
  readonly errors: FaceErrors;
}

/** How errors look below the paths of an API. */
export interface FaceErrors {
  /** Such as `/v1/messages`. */
  readonly paths: readonly string[];
  /** Whether a path that two APIs have is this one's, by the headers of the call; undefined: none is shared. */
  readonly claims?: (header: (name: string) => string | undefined) => boolean;
  present(error: FaceError, path: string): FaceErrorAnswer;
  /** The last event of a stream that fails. */
  presentEvent(error: FaceError, path: string): string;
}

/** What there is to say of an error. */
export interface FaceError {
  readonly httpStatus: number;
  /** A word of `Reason` in reason.proto. */
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The names of the fields that are wrong. */
  readonly fields: readonly string[];
  readonly requestId: string;
}

export interface FaceErrorAnswer {
  readonly httpStatus: number;
  readonly body: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
}
