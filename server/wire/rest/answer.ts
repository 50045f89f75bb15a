import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import { type JsonObject, type Message, type Registry, toJson } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { HttpBody } from "../../../gen/google/api/httpbody_pb.ts";
import { onOneLine } from "../../base/one-line.ts";
import { HEAD_MS, SILENCE_MS } from "../call/silence.ts";
import { COMPRESS_FROM_BYTES, negotiateCoding } from "../http/body.ts";
import type { Cors } from "../http/cors.ts";
import { mustCloseAfter, type NodeRequest, type NodeResponse, REQUEST_ID_HEADER } from "../http/exchange.ts";
import type { Binding } from "./binding.ts";

/** Headers about the bytes on the way: this library's to set, wherever a handler or an error got them from. */
const FRAMING = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "keep-alive",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Headers by their names in small letters. */
export type HeaderSource = Iterable<[name: string, value: string]>;

/** Writes the answer to one request. */
export class Answer {
  readonly #request: NodeRequest;
  /** Http2ServerResponse has the same methods, with overloads that TypeScript cannot unite. */
  readonly #response: ServerResponse;
  /** Undefined over HTTP/1.1. */
  readonly #stream: ServerHttp2Stream | undefined;
  readonly #cors: Cors;
  readonly #requestId: string | undefined;

  /** The id is told in a header, if there is one. */
  constructor(request: NodeRequest, response: NodeResponse, cors: Cors, requestId?: string) {
    this.#request = request;
    this.#response = response as ServerResponse;
    this.#stream = "stream" in response ? response.stream : undefined;
    this.#cors = cors;
    this.#requestId = requestId;
  }

  /** Whether the status has been sent, so that no other can be. */
  get isStarted(): boolean {
    return this.#response.headersSent;
  }

  /** Whether the caller wants the headers only. */
  get isHead(): boolean {
    return this.#request.method === "HEAD";
  }

  /** How far the parts of JSON are indented; undefined for one line. */
  get indent(): number | undefined {
    return isForPeople(this.#request) ? 2 : undefined;
  }

  /** Writes JSON, compressed if it is large and the caller takes it. */
  async json(status: number, text: string, sources: readonly HeaderSource[]): Promise<void> {
    const headers = this.#collect(sources, "application/json");
    // At a terminal, the prompt does not stand behind the last bracket.
    const whole = this.indent === undefined ? text : `${text}\n`;
    let body: string | Uint8Array = whole;
    if (whole.length >= COMPRESS_FROM_BYTES) {
      vary(headers, "Accept-Encoding");
      const [name, coding] = negotiateCoding(this.#request.headers["accept-encoding"]?.toString()) ?? [];
      if (name !== undefined && coding !== undefined) {
        headers["content-encoding"] = name;
        body = await coding.compress(whole);
      }
    }
    this.#write(status, headers, body);
  }

  /** Writes bytes as they are. */
  bytes(status: number, data: Uint8Array, contentType: string, sources: readonly HeaderSource[]): void {
    const headers = this.#collect(sources, contentType || "application/octet-stream");
    headers["x-content-type-options"] = "nosniff";
    this.#write(status, headers, data);
  }

  /** Answers OPTIONS: what the path allows, and to whom. */
  options(allow: string): void {
    const { origin, "access-control-request-headers": wanted } = this.#request.headers;
    const headers = this.#collect([], undefined);
    Object.assign(headers, this.#cors.preflight(origin, allow, wanted));
    this.#start(204, { ...headers, allow });
    this.#response.end();
  }

  /** Begins an answer that comes in pieces; its writer is the response itself. */
  stream(contentType: string, sources: readonly HeaderSource[]): ServerResponse {
    const headers = this.#collect(sources, contentType);
    vary(headers, "Accept");
    this.#start(200, { ...headers, "cache-control": "no-cache", "x-accel-buffering": "no" });
    return this.#response;
  }

  /** Breaks off an answer that cannot be completed, so that the caller does not take it for complete. */
  abort(): void {
    if (this.#stream === undefined) this.#response.destroy();
    else this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  #write(status: number, headers: OutgoingHttpHeaders, body: string | Uint8Array): void {
    headers["content-length"] = Buffer.byteLength(body);
    this.#start(status, headers);
    if (this.isHead) this.#response.end();
    else this.#response.end(body);
  }

  #start(status: number, headers: OutgoingHttpHeaders): void {
    if (mustCloseAfter(this.#request)) headers.connection = "close";
    this.#response.writeHead(status, headers);
  }

  #collect(sources: readonly HeaderSource[], contentType: string | undefined): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders = {};
    for (const source of sources) {
      for (const [name, value] of source) {
        if (FRAMING.has(name) || name.endsWith("-bin")) continue;
        const other = name === "set-cookie" ? headers[name] : undefined;
        headers[name] = other === undefined ? value : [other, value].flat().map(String);
      }
    }
    if (this.#requestId !== undefined) headers[REQUEST_ID_HEADER] = this.#requestId;
    const { origin } = this.#request.headers;
    if (origin !== undefined) {
      const names = [...Object.keys(headers), ...this.#response.getHeaderNames()];
      Object.assign(headers, this.#cors.answer(origin, names));
    }
    if (contentType !== undefined) headers["content-type"] = contentType;
    if (this.#cors.vary !== undefined) vary(headers, this.#cors.vary);
    return headers;
  }
}

/** Programs that people read the answers of. */
const READ_BY_PEOPLE = /^(curl|HTTPie|Wget)\//;

/** By `?pretty` or `?pretty=false`; where a caller says neither, by what it calls itself. Streams are one line a message. */
function isForPeople({ url = "", headers }: NodeRequest): boolean {
  const [isAsked, value = "true"] =
    (url.includes("pretty") && /[?&]pretty(?:Print)?(?:=([^&]*))?(?=&|$)/.exec(url)) || [];
  if (isAsked !== undefined) return value !== "false" && value !== "0";
  return READ_BY_PEOPLE.test(headers["user-agent"] ?? "");
}

function vary(headers: OutgoingHttpHeaders, name: string): void {
  headers.vary = headers.vary === undefined ? name : `${headers.vary}, ${name}`;
}

/** Presents response messages as the bodies of answers. */
export class ResponseWriter {
  readonly #options: { readonly alwaysEmitImplicit: true; readonly registry: Registry };
  /** The texts of messages that nobody changes any more: what is sent to many, or held in memory, is written once. */
  readonly #written = new WeakMap<Message, { readonly binding: Binding; readonly text: string }>();

  constructor(registry: Registry) {
    this.#options = { alwaysEmitImplicit: true, registry };
  }

  /** Proto JSON with all fields, also those that hold their default; null for a response field that is not set. */
  json(binding: Binding, message: Message, indent?: number): string {
    if (indent !== undefined || !Object.isFrozen(message)) return this.#jsonOf(binding, message, indent);
    let written = this.#written.get(message);
    if (written?.binding !== binding) {
      written = { binding, text: this.#jsonOf(binding, message) };
      this.#written.set(message, written);
    }
    return written.text;
  }

  #jsonOf({ spec, responseField }: Binding, message: Message, indent?: number): string {
    const json = toJson(spec.method.output, message, this.#options);
    const answer = responseField === undefined ? json : ((json as JsonObject)[responseField.jsonName] ?? null);
    return JSON.stringify(answer, null, indent);
  }

  /** The google.api.HttpBody of the response of a binding that answers one. */
  httpBody({ spec, responseField }: Binding, message: Message): HttpBody {
    if (responseField?.fieldKind !== "message") return message as HttpBody;
    return reflect(spec.method.output, message).get(responseField).message as HttpBody;
  }
}

/** How the messages of a stream are told apart on the way. */
export interface Framing {
  readonly contentType: string;
  readonly message: (json: string) => string;
  readonly failure: (json: string) => string;
  /** Says that the stream is complete, where the end of the body alone would not. */
  readonly end: string;
  /** What readers pass over, for a stream on which nothing moves. */
  readonly comment: string;
  /** How long the head waits for the first message, without which what fails has no status of its own. */
  readonly headMs: number;
}

/**
 * Newline-delimited JSON: a message, or the error that ended the stream, on each line. Its comment is a space before the
 * next line, which every parser of JSON passes over; an empty line, many do not.
 */
export const NDJSON: Framing = {
  contentType: "application/x-ndjson",
  message: (json) => `${onOneLine(json)}\n`,
  failure: (json) => `${json}\n`,
  end: "",
  comment: " ",
  headMs: SILENCE_MS,
};

/**
 * Server-sent events: `message` for each message, then `end` or `error`. A browser's EventSource connects again when the
 * body ends; its script is to close it on either of the last two.
 */
export const SERVER_SENT_EVENTS: Framing = {
  contentType: "text/event-stream",
  message: (json) => `data: ${onOneLine(json)}\n\n`,
  failure: (json) => `event: error\ndata: ${json}\n\n`,
  end: "event: end\ndata: {}\n\n",
  comment: ": keep-alive\n\n",
  headMs: HEAD_MS,
};

/** The framing for what a caller accepts; NDJSON unless the caller asks for events. */
export function negotiateFraming(accept: string | undefined): Framing {
  const types = accept?.toLowerCase().split(",") ?? [];
  const wantsEvents = types.some((type) => type.split(";")[0]?.trim() === SERVER_SENT_EVENTS.contentType);
  return wantsEvents ? SERVER_SENT_EVENTS : NDJSON;
}
