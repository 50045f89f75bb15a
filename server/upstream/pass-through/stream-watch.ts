import type { StreamReader } from "../models/adapter.ts";
import type { Billing, ReplyEvent, Usage } from "../models/conversation.ts";
import { type ErrorWords, MALFORMED } from "../models/error-words.ts";
import { EventStreamSplitter, GrowingBuffer, isDone } from "../models/event-stream.ts";
import { UpstreamFailure } from "../models/failure.ts";
import { asObject, asObjects, type JsonObject, parseObject } from "../models/json-value.ts";
import type { ProviderType } from "../models/provider-types.ts";
import type { Api, StreamedApi } from "./apis.ts";

/** How much is passed on unread before it is read to see what was said, and is kept of what says nothing: memory is bounded. */
const UNREAD_BYTES = 256 * 1024;

export interface StreamWatchOptions {
  readonly api: Api;
  readonly providerType: ProviderType;
  /** Whether the usage was asked for by us, and is not for the caller. */
  readonly hidesUsage: boolean;
  readonly maxEventBytes: number;
  /** Told of what is read of the reply: its beginning always, the rest only where it has to be. */
  readonly onEvents: (events: readonly ReplyEvent[]) => void;
}

const NEWLINE = 0x0a;
/** An empty line where lines end with CR alone; no other stream has two in a row. */
const CR_CR = "\r\r";
const NULL_USAGE = /usage": ?null/;
/** The member with the comma before it, and where it is looked for: at a byte that is rarer than a quote. */
const NULL_USAGES = [',"usage":null', ', "usage": null'].map((text) => Buffer.from(text));
const USAGE = Buffer.from('usage":');

/**
 * Watches the bytes of a streamed reply on their way: whole events are handed on as they came, in no other form. Only
 * those are parsed that can tell of usage, an error or the end, by bytes that they must have; in a JSON text the quotes
 * of such a mark cannot be part of what a model says. The event that ends the reply is held back.
 */
export class StreamWatch {
  /** Whether the event has come that says that the reply is whole. */
  isComplete = false;
  /** That event. */
  last: Buffer = Buffer.alloc(0);
  /** Whether an event has come that says more than that there will be a reply, or more than is kept of what says nothing. */
  hasSpoken = false;
  readonly #options: StreamWatchOptions;
  readonly #stream: StreamedApi;
  readonly #reader: StreamReader;
  /** What the reader has not read: nobody may ever want to know. */
  readonly #unread = new GrowingBuffer();
  readonly #splitter: EventStreamSplitter;
  /** The beginning of an event whose end has not come. */
  #rest: Buffer = Buffer.alloc(0);
  #hasReplied = false;
  #silentBytes = 0;
  #head: JsonObject = {};

  constructor(options: StreamWatchOptions) {
    this.#options = options;
    this.#stream = options.api.stream as StreamedApi;
    this.#reader = this.#stream.open();
    this.#splitter = new EventStreamSplitter(options.maxEventBytes);
  }

  /** Adds what of these bytes is for the caller to `out`; returns an error that came in the place of an event. */
  push(pieces: readonly Buffer[], out: Buffer[]): ErrorWords | undefined {
    for (let next = 0; next < pieces.length; ) {
      // Until something is said, that is found piece by piece; all that came together after it is looked at together.
      const count = this.#isUnderWay ? pieces.length - next : 1;
      const piece = count === 1 ? (pieces[next] as Buffer) : Buffer.concat(pieces.slice(next));
      next += count;
      const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
      const end = endOfEvents(bytes);
      // A copy: a few bytes would hold on to all that the socket read.
      this.#rest = end === bytes.length ? EMPTY : Buffer.from(bytes.subarray(end));
      if (this.#rest.length > this.#options.maxEventBytes) throw tooLong();
      const error = end === 0 ? undefined : this.#pass(bytes.subarray(0, end), out);
      if (error !== undefined || this.isComplete) return error;
    }
    return undefined;
  }

  /** To be told when the body has ended: some servers leave out the last empty line, and some the event that ends a reply. */
  flush(out: Buffer[]): ErrorWords | undefined {
    const rest = this.#rest;
    this.#rest = EMPTY;
    const error = rest.length === 0 ? undefined : this.#pass(Buffer.concat([rest, END_OF_EVENT]), out);
    // A last event that is only half there is the cut itself.
    if (error === MALFORMED) return undefined;
    if (error !== undefined || this.isComplete) return error;
    this.settle();
    this.isComplete = this.#reader.end() !== undefined;
    return undefined;
  }

  /** What the provider has counted of a reply that is whole. */
  get usage(): Usage {
    const marked = this.#options.api.readUsage(asObject(this.#head.usage) ?? {});
    if (marked.inputTokens !== undefined && marked.outputTokens !== undefined) return marked;
    this.settle();
    return { ...this.#reader.usage, ...marked };
  }

  /** What such a reply says of what it cost. */
  get billing(): Billing {
    return this.#options.api.readBilling(this.#head, this.#options.providerType);
  }

  /** What it has counted of one that was cut. */
  get partialUsage(): Usage {
    this.settle();
    return this.#reader.usage;
  }

  /** Reads what was passed on unread. */
  settle(): void {
    if (this.#unread.length === 0) return;
    this.#read(Buffer.from(this.#unread.takeText()));
  }

  /** Whether a reply has begun and says something: what comes now is read only if somebody asks. */
  get #isUnderWay(): boolean {
    return this.#hasReplied && this.hasSpoken;
  }

  #pass(bytes: Buffer, out: Buffer[]): ErrorWords | undefined {
    if (this.#isUnderWay) this.#keep(bytes);
    else this.#read(bytes);
    const text = bytes.toString("latin1");
    const mark = text.search(this.#stream.marks);
    if (mark === -1) {
      out.push(this.#withoutNullUsage(bytes, text));
      return undefined;
    }
    const start = startOfEvent(text, mark);
    if (start > 0) out.push(this.#withoutNullUsage(bytes.subarray(0, start), text.slice(0, start)));
    return this.#passEach(bytes.subarray(start), out);
  }

  #passEach(bytes: Buffer, out: Buffer[]): ErrorWords | undefined {
    for (let start = 0; start < bytes.length; ) {
      const end = endOfFirstEvent(bytes, start);
      const event = bytes.subarray(start, end);
      start = end;
      const data = dataOf(event);
      if (data !== undefined && isDone(data)) {
        this.#complete(event);
        return undefined;
      }
      const json = data === undefined ? NO_JSON : parseObject(data);
      if (json === undefined) return MALFORMED;
      const error = this.#options.api.readError(json);
      if (error !== undefined) return error;
      this.#head = this.#stream.headIn(json, this.#head);
      if (this.#stream.isLast(json)) {
        this.#complete(event);
        return undefined;
      }
      if (!this.#isOurs(json)) out.push(this.#withoutNullUsage(event, event.toString("latin1")));
    }
    return undefined;
  }

  #complete(event: Buffer): void {
    this.isComplete = true;
    this.last = event;
  }

  /** The chunk that has nothing but the usage, where only we asked for it. */
  #isOurs(json: JsonObject): boolean {
    return this.#options.hidesUsage && asObject(json.usage) !== undefined && asObjects(json.choices).length === 0;
  }

  /** `text` is the bytes as Latin-1. Where the usage is asked for, OpenAI says in every other chunk that it is not there. */
  #withoutNullUsage(bytes: Buffer, text: string): Buffer {
    return this.#options.hidesUsage && NULL_USAGE.test(text) ? withoutNullUsage(bytes) : bytes;
  }

  #keep(bytes: Buffer): void {
    this.#unread.append(bytes);
    if (this.#unread.length > UNREAD_BYTES) this.settle();
  }

  /** Errors are found by their marks. */
  #read(bytes: Buffer): void {
    const events: ReplyEvent[] = [];
    for (const data of this.#splitter.push([bytes])) {
      const error = this.#reader.read(data, events);
      if (error === undefined) this.hasSpoken ||= speaks(this.#stream, data);
    }
    this.#silentBytes += bytes.length;
    this.hasSpoken ||= this.#silentBytes > UNREAD_BYTES;
    this.#hasReplied ||= events.some(({ type }) => type !== "start");
    if (events.length > 0) this.#options.onEvents(events);
  }
}

function speaks({ isSilent }: StreamedApi, data: string): boolean {
  const event = parseObject(data);
  return event !== undefined && !isSilent(event);
}

const EMPTY = Buffer.alloc(0);
const END_OF_EVENT = Buffer.from("\n\n");
const NO_JSON: JsonObject = Object.freeze({});

function withoutNullUsage(bytes: Buffer): Buffer {
  let kept: Buffer[] | undefined;
  let from = 0;
  for (let at = bytes.indexOf(USAGE); at !== -1; at = bytes.indexOf(USAGE, at + USAGE.length)) {
    for (const member of NULL_USAGES) {
      const start = at - member.indexOf(USAGE);
      if (start < from || bytes.compare(member, 0, member.length, start, start + member.length) !== 0) continue;
      kept ??= [];
      kept.push(bytes.subarray(from, start));
      from = start + member.length;
    }
  }
  return kept === undefined ? bytes : Buffer.concat([...kept, bytes.subarray(from)]);
}

/** Behind the last empty line; 0 when there is none. */
function endOfEvents(bytes: Buffer): number {
  const { length } = bytes;
  if (bytes[length - 1] === NEWLINE && bytes[length - 2] === NEWLINE) return length;
  const lf = bytes.lastIndexOf("\n\n");
  const crlf = bytes.lastIndexOf("\n\r\n");
  if (lf !== -1 || crlf !== -1) return Math.max(lf === -1 ? 0 : lf + 2, crlf === -1 ? 0 : crlf + 3);
  const cr = bytes.lastIndexOf(CR_CR);
  return cr === -1 ? 0 : cr + 2;
}

/** Where an event begins at or before `at`: that which has it, or an earlier one where lines end in both ways. */
function startOfEvent(text: string, at: number): number {
  const lf = text.lastIndexOf("\n\n", at);
  if (lf !== -1) return lf + 2;
  const crlf = text.lastIndexOf("\n\r\n", at);
  if (crlf !== -1) return crlf + 3;
  const cr = text.lastIndexOf(CR_CR, at);
  return cr === -1 ? 0 : cr + 2;
}

function endOfFirstEvent(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(NEWLINE, start); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) {
    if (bytes[at + 1] === NEWLINE) return at + 2;
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === NEWLINE) return at + 3;
  }
  const cr = bytes.indexOf(CR_CR, start);
  return cr === -1 ? bytes.length : cr + 2;
}

/** Undefined of an event without data, such as a comment, or with nothing in it. */
function dataOf(event: Buffer): string | undefined {
  const lines = event
    .toString("utf8")
    .split(/\r\n?|\n/)
    .flatMap((line) => {
      const value = line.slice(line[5] === " " ? 6 : 5);
      // Older ones of llama.cpp have a line of errors.
      return line.startsWith("data:") ? [value] : /^error: ?\{/.test(line) ? [`{"error":${line.slice(6)}}`] : [];
    });
  const data = lines.join("\n");
  return data.trim() === "" ? undefined : data;
}

function tooLong(): UpstreamFailure {
  return new UpstreamFailure("bad-reply", "an event of the endpoint's stream is too long");
}
