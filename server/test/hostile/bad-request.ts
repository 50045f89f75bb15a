/** How an answer is expected to look. */
export type Family = "rest" | "connect-unary" | "connect-stream" | "grpc" | "grpc-web" | "any";

/** A request that is bad at the level of HTTP's meaning, not of its bytes: it can be sent over either version. */
export interface BadRequest {
  /** What it is like, for whoever reads a complaint. */
  readonly shape: string;
  readonly family: Family;
  readonly method: string;
  /** The authority; over HTTP/1.1 the header Host. Undefined: the right one. */
  readonly host: string | undefined;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Undefined: none is announced. */
  readonly body: Buffer | undefined;
}

/** Bytes that are bad already as HTTP. */
export interface BadBytes {
  readonly shape: string;
  readonly bytes: Buffer;
  /** Whether the bytes are HTTP/2, whose answers are not read. */
  readonly isHttp2: boolean;
}

/** What generators need to know of the victim. */
export interface Ground {
  readonly host: string;
  readonly apiKey: string;
  /** An Llm that may be changed, but must not be deleted. */
  readonly llmId: string;
}
