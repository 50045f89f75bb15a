import { type Dispatcher, Pool } from "undici";
import { AnswerCheck, type Expectation } from "./expectation.ts";
import type { Timing } from "./loops.ts";

/** One request of HTTP/1.1, the same each time. */
export interface HttpRequest {
  readonly name: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: () => string;
  readonly expects: Expectation;
}

/** Connections of HTTP/1.1 to one server, by undici's dispatch, the lightest client that Node has. */
export class HttpClient {
  readonly #pool: Pool;

  constructor(origin: string, connections: number) {
    this.#pool = new Pool(origin, { connections, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  }

  /** Sends a request; resolves when the expected answer is complete. */
  call({ name, method, path, headers, body, expects }: HttpRequest): Promise<Timing> {
    return new Promise((resolve, reject) => {
      const check = new AnswerCheck(expects);
      let status = 0;
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart() {},
        onResponseStart(_controller, statusCode) {
          status = statusCode;
        },
        onResponseData(_controller, piece) {
          check.push(piece);
        },
        onResponseEnd() {
          try {
            resolve(check.finish(name, status, status === 200));
          } catch (error) {
            reject(error);
          }
        },
        onResponseError(_controller, error) {
          reject(new Error(`${name} failed: ${error.message}`, { cause: error }));
        },
      };
      this.#pool.dispatch({ method, path, headers, body: body?.() ?? null }, handler);
    });
  }

  /** Opens a stream and leaves it open; resolves with its first part there. Whoever wants is told of what comes. */
  open({ name, method, path, headers, body, expects }: HttpRequest, onPiece?: (piece: Buffer) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pool.dispatch(
        { method, path, headers, body: body?.() ?? null },
        {
          onRequestStart() {},
          onResponseStart() {},
          onResponseData(_controller, piece) {
            if (piece.includes(expects.first ?? "")) resolve();
            onPiece?.(piece);
          },
          onResponseEnd: () => reject(new Error(`${name} ended`)),
          onResponseError: (_controller, error) => reject(error),
        },
      );
    });
  }

  /** Closes the connections, with what is open on them. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
