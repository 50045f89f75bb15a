import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { AnswerCheck, type Expectation } from "./expectation.ts";
import type { Timing } from "./loops.ts";

/** One gRPC request, the same each time. */
export interface GrpcRequest {
  readonly name: string;
  /** `/package.Service/Method` */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly message: Uint8Array;
  readonly expects: Expectation;
}

const HEADERS: Readonly<Record<string, string>> = {
  "content-type": "application/grpc+proto",
  te: "trailers",
};
const FRAME_HEADER_BYTES = 5;

/** One connection of HTTP/2, as a gRPC channel has it, without the cost of a gRPC library. */
export class GrpcClient {
  readonly #session: ClientHttp2Session;

  constructor(origin: string) {
    this.#session = connect(origin);
    this.#session.on("error", () => {}); // The calls on it hear of it.
  }

  /** Sends a request; resolves when the expected answer is complete, with status OK in its trailers. */
  call(request: GrpcRequest): Promise<Timing> {
    return new Promise((resolve, reject) => {
      const check = new AnswerCheck(request.expects);
      let status = "no grpc-status";
      const stream = this.#send(request);
      // An answer without messages has its status in the headers.
      const readStatus = (headers: Record<string, unknown>) => {
        status = String(headers["grpc-status"] ?? status);
      };
      stream.once("response", readStatus).once("trailers", readStatus);
      stream.on("data", (piece: Buffer) => check.push(piece));
      stream.once("error", reject);
      stream.once("end", () => {
        try {
          resolve(check.finish(request.name, status, status === "0"));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** Opens a stream and leaves it open; resolves with its first part there. */
  open(request: GrpcRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = this.#send(request);
      stream.on("data", (piece: Buffer) => {
        if (piece.includes(request.expects.first ?? "")) resolve();
      });
      stream.once("error", reject);
      stream.once("end", () => reject(new Error(`${request.name} ended`)));
    });
  }

  /** Closes the connection, with what is open on it. */
  close(): void {
    this.#session.destroy();
  }

  #send({ path, headers, message }: GrpcRequest): ClientHttp2Stream {
    const stream = this.#session.request({ ":method": "POST", ":path": path, ...HEADERS, ...headers });
    const frame = Buffer.alloc(FRAME_HEADER_BYTES + message.length);
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, FRAME_HEADER_BYTES);
    stream.end(frame);
    return stream;
  }
}
