import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { type ErrorInfo, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";

const ROOT = join(import.meta.dirname, "../../..");
if (!existsSync(join(ROOT, "third_party"))) {
  execFileSync(process.execPath, [join(ROOT, "scripts/vendor-protos.ts")]);
}

/** The services as a program has them that knows the .proto files only. */
const SERVICES = grpc.loadPackageDefinition(
  loadSync(["patchbay/v1/llm_service.proto", "patchbay/v1/chat_service.proto", "grpc/health/v1/health.proto"], {
    includeDirs: ["proto", "third_party/googleapis", "third_party/protovalidate", "third_party/grpc"].map((folder) =>
      join(ROOT, folder),
    ),
    longs: String,
    enums: String,
    oneofs: true,
  }),
);

/** A message as proto-loader has it: a plain object. */
// biome-ignore lint/suspicious/noExplicitAny: proto-loader makes the types when it runs.
export type Plain = any;

/** A call that came to its end, well or not. */
export interface Outcome {
  readonly code: string;
  readonly message: string;
  /** Of a call of one message: that message; of a stream: all of them. */
  readonly messages: readonly Plain[];
  /** What came before the messages; empty if an error was all that came. */
  readonly headers: grpc.Metadata;
  readonly trailers: grpc.Metadata;
}

/** What a call sends besides its message. */
export interface CallOptions extends grpc.CallOptions {
  readonly metadata?: grpc.Metadata;
}

/** A client of one service on one channel. */
export class GrpcJsClient {
  readonly client: grpc.Client;
  readonly #apiKey: string;

  constructor(service: string, address: string, apiKey: string, options: grpc.ClientOptions = {}) {
    const Client = service
      .split(".")
      .reduce((scope, name) => scope[name] as grpc.GrpcObject, SERVICES) as unknown as grpc.ServiceClientConstructor;
    // Channels with the same options share their connections unless told not to.
    const own = { "grpc.use_local_subchannel_pool": 1, ...options };
    this.client = new Client(address, grpc.credentials.createInsecure(), own);
    this.#apiKey = apiKey;
  }

  close(): void {
    this.client.close();
  }

  /** Calls an rpc of one answer. */
  unary(method: string, request: Plain, { metadata, ...options }: CallOptions = {}): Promise<Outcome> {
    return new Promise((resolve) => {
      const messages: Plain[] = [];
      const call: grpc.ClientUnaryCall = this.#rpc(method)(
        request,
        this.#authorized(metadata),
        options,
        (_: unknown, message?: Plain) => {
          if (message) messages.push(message);
        },
      );
      let headers = new grpc.Metadata();
      call.on("metadata", (came) => {
        headers = came;
      });
      call.on("status", (status) => resolve(outcome(status, messages, headers)));
    });
  }

  /** Calls an rpc of many answers. */
  stream(method: string, request: Plain, { metadata, ...options }: CallOptions = {}): GrpcJsStream {
    return new GrpcJsStream(this.#rpc(method)(request, this.#authorized(metadata), options));
  }

  #rpc(method: string): (...args: unknown[]) => Plain {
    const { client } = this as { client: Plain };
    return client[method].bind(client);
  }

  #authorized(metadata = new grpc.Metadata()): grpc.Metadata {
    metadata.set("authorization", `Bearer ${this.#apiKey}`);
    return metadata;
  }
}

/** A stream that is being read. */
export class GrpcJsStream {
  /** Resolves at its end, however it ends. */
  readonly ended: Promise<Outcome>;
  /** When each message came, by performance.now(). */
  readonly times: number[] = [];
  readonly #call: grpc.ClientReadableStream<Plain>;

  constructor(call: grpc.ClientReadableStream<Plain>) {
    this.#call = call;
    const messages: Plain[] = [];
    let headers = new grpc.Metadata();
    call.on("metadata", (came) => {
      headers = came;
    });
    call.on("data", (message) => {
      messages.push(message);
      this.times.push(performance.now());
    });
    // The status tells the same.
    call.on("error", () => {});
    this.ended = new Promise((resolve) => call.on("status", (status) => resolve(outcome(status, messages, headers))));
  }

  cancel(): void {
    this.#call.cancel();
  }

  /** Cancels when a message comes that fits. */
  cancelAfter(fits: (message: Plain) => boolean): void {
    this.#call.on("data", (message) => {
      if (fits(message)) this.cancel();
    });
  }
}

/** The ErrorInfo of an error, out of `grpc-status-details-bin`. */
export function errorInfoOf({ trailers }: Outcome): ErrorInfo | undefined {
  const [bytes] = trailers.get("grpc-status-details-bin");
  if (!(bytes instanceof Buffer)) return undefined;
  const { details } = fromBinary(StatusSchema, bytes);
  return details.map((detail) => anyUnpack(detail, ErrorInfoSchema)).find((info) => info !== undefined);
}

function outcome(
  { code, details, metadata }: grpc.StatusObject,
  messages: readonly Plain[],
  headers: grpc.Metadata,
): Outcome {
  return { code: grpc.status[code] as string, message: details, messages, headers, trailers: metadata };
}
