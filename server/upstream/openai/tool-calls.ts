import { CallIds } from "../models/call-ids.ts";
import type { ReplyEvent } from "../models/conversation.ts";
import { asObject, asText, type JsonObject, parseObject } from "../models/json-value.ts";
import { JsonEnd } from "./json-end.ts";
import { readArguments } from "./reply.ts";

interface Call {
  /** Ours, from when it is told. */
  index: number;
  serverId: string;
  readonly serverIndex: unknown;
  id: string;
  name: string;
  /** Arguments that came before the name, and are not told yet. */
  waiting: string;
  arguments: string;
  /** Arguments that some models write as a text of JSON once more, until it ends. */
  quoted: string;
  readonly end: JsonEnd;
  isTold: boolean;
  /** Whether its arguments began as an object that is empty, or as the text of one, as some servers open a call. */
  isPlaceholder: boolean;
  /** Whether the text of an empty object is all that was said of its arguments: they may follow, or there are none. */
  isEmptySaid: boolean;
  /** Whether nothing but an id and a name was said of it, so that more of the name may follow. */
  isNameOpen: boolean;
  readonly state: Record<string, unknown>;
}

/** What a piece of a call says. */
interface Said {
  readonly name: string;
  readonly text: string;
  /** Whether it says no arguments, not even that they are empty. */
  readonly isNameOnly: boolean;
  readonly isEmptyObject: boolean;
}

/** Members of a piece of a call that say what the call is. */
const KNOWN = new Set(["index", "id", "type", "function"]);

/**
 * Calls of tools out of the pieces of a stream. Servers leave out the index or the id, repeat id and name with every piece,
 * give all calls index 0 or one id, or send the id before the name. So
 * - a call is told once its name is there, which may come in pieces as long as nothing is said of its arguments,
 * - its arguments are one JSON object: another object that follows it is another call, unless the first one is empty,
 * - another name, or another id, is another call, too.
 */
export class ToolCalls {
  readonly #calls: Call[] = [];
  /** The last call of each id and each index of the server's. */
  readonly #byId = new Map<string, Call>();
  readonly #byIndex = new Map<unknown, Call>();
  readonly #ids = new CallIds();
  /** How many have a name. */
  #told = 0;

  /** How many calls were told. */
  get count(): number {
    return this.#told;
  }

  /** What comes with calls beside what they say, by their ids. */
  get states(): ReadonlyMap<string, JsonObject> {
    return new Map(
      this.#calls.filter(({ state }) => Object.keys(state).length > 0).map(({ id, state }) => [id, state]),
    );
  }

  /** Reads a piece of a call. */
  read(piece: JsonObject, events: ReplyEvent[]): void {
    const said = partsOf(piece);
    const known = this.#knownCall(piece, said);
    if (known === undefined) this.#closeName(events);
    this.#addPiece(known ?? this.#begin(piece), piece, said, events);
  }

  /** Reads a call that is whole. */
  readWhole(call: JsonObject, events: ReplyEvent[]): void {
    this.#closeName(events);
    this.#addPiece(this.#begin(call), call, partsOf(call), events);
  }

  /** To be called when no more pieces come: a call that has said nothing by then has no arguments, unless it was cut. */
  finish(events: ReplyEvent[], finishReason: unknown): void {
    const isCut = finishReason === "length";
    this.#closeName(events);
    for (const call of this.#calls) {
      // No object came out of the text, so it is told as it is.
      if (call.quoted !== "") this.#addObject(call, call.quoted, events);
      call.quoted = "";
      if (!call.isTold || call.arguments !== "" || (isCut && !call.isPlaceholder)) continue;
      call.arguments = "{}";
      events.push({ type: "tool-call-delta", index: call.index, argumentsDelta: "{}" });
    }
  }

  /** The server's own id, where it comes behind the first of the arguments. */
  #adoptId(call: Call, serverId: string): void {
    if (serverId === "" || call.serverId !== "") return;
    call.serverId = serverId;
    this.#byId.set(serverId, call);
    call.id = this.#ids.of(serverId);
  }

  /** No more of the last call's name comes: another call begins, or none. */
  #closeName(events: ReplyEvent[]): void {
    const call = this.#calls.at(-1);
    if (call?.isNameOpen !== true) return;
    call.isNameOpen = false;
    this.#tell(call, "", events);
  }

  #addPiece(call: Call, piece: JsonObject, said: Said, events: ReplyEvent[]): void {
    const { name, text, isEmptyObject, isNameOnly } = said;
    if (!call.isTold) this.#adoptId(call, asText(piece.id));
    if (isEmptyObject) call.isPlaceholder = true;
    if (call.name === "") {
      call.name = name;
      call.isNameOpen = isNameOnly && name !== "" && call.serverId !== "";
    } else if (call.isNameOpen) {
      if (name !== call.name) call.name += name;
      call.isNameOpen = isNameOnly;
    }
    for (const [key, value] of Object.entries(piece)) if (!KNOWN.has(key) && value !== null) call.state[key] = value;
    this.#add(call, text, events);
  }

  #begin(piece: JsonObject): Call {
    const serverId = asText(piece.id);
    const id = this.#ids.of(serverId);
    const call: Call = {
      index: -1,
      serverId,
      serverIndex: piece.index,
      id,
      name: "",
      waiting: "",
      arguments: "",
      quoted: "",
      end: new JsonEnd(),
      isTold: false,
      isPlaceholder: false,
      isEmptySaid: false,
      isNameOpen: false,
      state: {},
    };
    this.#calls.push(call);
    this.#byIndex.set(piece.index, call);
    if (serverId !== "") this.#byId.set(serverId, call);
    return call;
  }

  /** The call that a piece belongs to; undefined if it begins one. */
  #knownCall(piece: JsonObject, { name, text }: Said): Call | undefined {
    const call = this.#candidate(piece, name);
    if (call === undefined) return undefined;
    const id = asText(piece.id);
    // Some servers make up another id for each piece; a call that begins has a name, or nothing of its arguments yet.
    const goesOn = name === "" && text !== "" && call.name !== "" && !isWhole(call);
    if (id !== "" && call.serverId !== "" && id !== call.serverId && !goesOn) return undefined;
    // Arguments may come before the name and the id that they belong to.
    if (call.name === "" && !(isWhole(call) && text.trim() !== "")) return call;
    if (id !== "" && call.serverId === "" && (name !== "" || isWhole(call))) return undefined;
    // Who gives ids gives every call one.
    if (call.isNameOpen && id === "") return call;
    if (name !== "" && call.name !== "" && name !== call.name) return undefined;
    if (!isWhole(call) || (call.isEmptySaid && name === "")) return call;
    // Whole already: with its own id it may be told once more; a name, or another index, begins the next.
    if (text.trim() === (call.isEmptySaid ? EMPTY : call.arguments.trim()))
      return id !== "" && id === call.serverId ? call : beginsAnother(name, call);
    if (id !== "" && id === call.serverId && piece.index === call.serverIndex) return call;
    return beginsAnother(name, call);
  }

  #candidate({ index, id: serverId }: JsonObject, name: string): Call | undefined {
    const id = asText(serverId);
    const byId = this.#byId.get(id);
    if (byId !== undefined) return isWhole(byId) && index !== byId.serverIndex ? undefined : byId;
    const last = this.#calls.at(-1);
    if (index === undefined || index === null) return last;
    // A tail of an index that no call has, without a name or an id: of the call that is not whole yet.
    const isTail = id === "" && name === "" && last?.name !== "" && !(last && isWhole(last));
    return this.#byIndex.get(index) ?? (isTail ? last : undefined);
  }

  #add(call: Call, text: string, events: ReplyEvent[]): void {
    if (text.trim() === EMPTY && `${call.arguments}${call.quoted}` === "") {
      call.isEmptySaid = true;
      call.isPlaceholder = true;
      this.#tell(call, "", events);
      return;
    }
    if (call.isEmptySaid && text.trim() === "") return;
    call.isEmptySaid = false;
    const isQuoted = call.quoted !== "" || (call.arguments === "" && /^\s*"/.test(text));
    if (!isQuoted) {
      this.#addObject(call, text, events);
      return;
    }
    const quoted = call.quoted + text;
    const isWhole = isQuote(quoted);
    call.quoted = isWhole ? "" : quoted;
    // The call itself is told at once.
    this.#addObject(call, isWhole ? unquoted(quoted) : "", events);
  }

  #addObject(call: Call, text: string, events: ReplyEvent[]): void {
    // Told once more, and not a call of its own.
    if (call.end.isWhole && text.trim() === call.arguments.trim()) {
      this.#tell(call, "", events);
      return;
    }
    // No object begins with another one: it is told anew, behind a brace that was told too early.
    const isAnew = call.arguments.trim() === "{" && text.trimStart().startsWith("{");
    const { own, next } = call.end.read(isAnew ? text.trimStart().slice(1) : text);
    call.arguments += own;
    this.#tell(call, own, events);
    if (next === "") return;
    const another = this.#begin({ index: call.serverIndex });
    another.name = call.name;
    this.#add(another, next, events);
  }

  #tell(call: Call, text: string, events: ReplyEvent[]): void {
    if (call.name === "" || call.isNameOpen) {
      call.waiting += text;
      return;
    }
    if (call.isTold) {
      if (text !== "") events.push({ type: "tool-call-delta", index: call.index, argumentsDelta: text });
      return;
    }
    const { id, name, waiting } = call;
    call.isTold = true;
    call.index = this.#told++;
    call.waiting = "";
    events.push({ type: "tool-call-delta", index: call.index, id, name, argumentsDelta: waiting + text });
  }
}

const EMPTY = "{}";

/** Whether no more of its arguments is needed. */
function isWhole(call: Call): boolean {
  return call.end.isWhole || call.isEmptySaid;
}

function beginsAnother(name: string, call: Call): Call | undefined {
  return name === "" ? call : undefined;
}

/** Escapes of escapes before a quotation mark: more are not looked at. */
const MOST_ESCAPES = 64;

/** Whether a text that began with a quotation mark ends with one that is not escaped. */
function isQuote(text: string): boolean {
  const [end = ""] = /\\*"\s*$/.exec(text.slice(Math.max(0, text.lastIndexOf('"') - MOST_ESCAPES))) ?? [];
  return text.trim().length > 1 && end.trimEnd().length % 2 === 1;
}

/** The object that a text of JSON holds; the text itself, if it holds none. */
function unquoted(text: string): string {
  const inner = asText(parseObject(`{"text":${text}}`)?.text);
  return parseObject(inner) === undefined ? text : inner;
}

/** What programs write as a text where there is nothing. */
const NO_NAME = /^(null|None|undefined)$/;

/** The arguments are a text, or an object where a server does not write them as one. */
function partsOf(piece: JsonObject): Said {
  const called = asObject(piece.function) ?? {};
  const given = asObject(called.arguments);
  const isEmptyObject = given !== undefined && Object.keys(given).length === 0;
  const isNameOnly = called.arguments === undefined || called.arguments === null;
  const text = isEmptyObject ? "" : readArguments(called.arguments);
  const name = asText(called.name);
  return { name: NO_NAME.test(name) ? "" : name, text, isNameOnly, isEmptyObject };
}
