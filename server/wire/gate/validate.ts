import { type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { createValidator } from "@bufbuild/protovalidate";
import type { Interceptor } from "@connectrpc/connect";
import { Fault, invalidField } from "../../base/fault.ts";
import { sentenceOf } from "../call/wire-error.ts";
import { lowerIds } from "./ids.ts";
import { describeViolation } from "./rule-words.ts";

/**
 * Throws for what a message holds that cannot be stored, and unless it keeps the rules that its fields declare. One that
 * passes has its ids in lower case.
 */
export type Check = (type: DescMessage, message: Message) => void;

export function createCheck(): Check {
  const validator = createValidator();
  return (type, message) => {
    const unstorable = findUnstorable(type, message);
    if (unstorable) throw invalidField(unstorable.field, unstorable.description);
    const { violations, error } = validator.validate(type, message);
    if (!error) return lowerIds(type, message);
    if (!violations) throw error;
    const problems = violations.map((violation) => describeViolation(type, violation));
    const fields = problems.map(({ field, description }) => ({ field, description }));
    throw new Fault("INVALID_REQUEST", sentenceOf(problems), { fields }, error);
  };
}

/** Checks every request. */
export function createValidation(check: Check): Interceptor {
  return (next) => (request) => {
    if (!request.stream) {
      check(request.method.input, request.message);
      return next(request);
    }
    return next({ ...request, message: checked(request.message, (message) => check(request.method.input, message)) });
  };
}

async function* checked<T>(messages: AsyncIterable<T>, check: (message: T) => void): AsyncGenerator<T> {
  for await (const message of messages) {
    check(message);
    yield message;
  }
}

/** A value that cannot be stored or sent on, by its path in the message, and what would be right. */
export interface Unstorable {
  readonly field: string;
  readonly description: string;
}

/** Finds the first value that PostgreSQL cannot store; its path is relative to the message. */
type Look<T> = (value: T) => Unstorable | undefined;

/** How much of a key is repeated to the caller: a message may be one long key. */
const MAX_OF_KEY = 100;

const looks = new WeakMap<DescMessage, Look<Message>>();

/**
 * The first thing in a message that protobuf or its JSON mapping lets through and nothing behind us can hold: text with
 * the character U+0000 or half of a surrogate pair, which PostgreSQL does not store, and numbers in JSON that are none.
 * No rule on a field can say this of the fields that are inside of Struct, nor for those that are to come.
 */
export function findUnstorable(type: DescMessage, message: Message): Unstorable | undefined {
  const unstorable = lookInto(type)(message);
  return unstorable && { ...unstorable, field: unstorable.field.slice(1) };
}

/** What to look at is found out once for each type, and not before its first message: types may hold themselves. */
function lookInto(type: DescMessage): Look<Message> {
  let look = looks.get(type);
  if (look === undefined) {
    let fields: Look<Message>[] | undefined;
    look = (message) => {
      fields ??= type.fields.map(lookAtField).filter((one) => one !== undefined);
      for (const one of fields) {
        const unstorable = one(message);
        if (unstorable !== undefined) return unstorable;
      }
      return undefined;
    };
    looks.set(type, look);
  }
  return look;
}

function lookAtField(field: DescField): Look<Message> | undefined {
  const look = lookAtValues(field);
  if (look === undefined) return undefined;
  const { localName, oneof } = field;
  const path = `.${field.name}`;
  return (message) => {
    let value = (message as unknown as Record<string, unknown>)[oneof?.localName ?? localName];
    if (oneof !== undefined) {
      const { case: chosen, value: held } = value as { case?: string; value?: unknown };
      value = chosen === localName ? held : undefined;
    }
    return value === undefined ? undefined : below(path, look(value));
  };
}

function lookAtValues(field: DescField): Look<unknown> | undefined {
  if (field.fieldKind === "list") return eachItem(lookAtValue(field));
  if (field.fieldKind === "map") return eachEntry(field.mapKey === ScalarType.STRING, lookAtValue(field));
  return lookAtValue(field);
}

/** For one value of a field, be it one of many. */
function lookAtValue(field: DescField): Look<unknown> | undefined {
  const { scalar, message, parent, fieldKind, oneof } = field;
  if (scalar === ScalarType.STRING) return lookAtText as Look<unknown>;
  if (scalar === ScalarType.DOUBLE && parent.typeName === "google.protobuf.Value") return lookAtJson;
  if (message === undefined) return undefined;
  // How protobuf-es has these: a Struct as an object of JSON, but within Value; a wrapper that stands alone as its value.
  if (message.typeName === "google.protobuf.Struct" && parent.typeName !== "google.protobuf.Value") return lookAtJson;
  if (isWrapperDesc(message) && fieldKind === "message" && oneof === undefined) return lookAtWrapped;
  return lookInto(message) as Look<unknown>;
}

function eachItem(look: Look<unknown> | undefined): Look<unknown> | undefined {
  if (look === undefined) return undefined;
  return (items) => {
    for (const [index, item] of (items as unknown[]).entries()) {
      const unstorable = look(item);
      if (unstorable !== undefined) return below(`[${index}]`, unstorable);
    }
    return undefined;
  };
}

function eachEntry(hasTextKeys: boolean, look: Look<unknown> | undefined): Look<unknown> | undefined {
  if (!hasTextKeys && look === undefined) return undefined;
  return (entries) => {
    for (const key of Object.keys(entries as object)) {
      const unstorable =
        (hasTextKeys ? lookAtText(key) : undefined) ?? look?.((entries as Record<string, unknown>)[key]);
      if (unstorable !== undefined)
        return below(`[${hasTextKeys ? JSON.stringify(key.slice(0, MAX_OF_KEY)) : key}]`, unstorable);
    }
    return undefined;
  };
}

function lookAtText(text: string): Unstorable | undefined {
  if (text.includes("\0")) return { field: "", description: "must not hold the character U+0000" };
  if (text.isWellFormed()) return undefined;
  return { field: "", description: "must not hold half of a surrogate pair, which is no character" };
}

const lookAtWrapped: Look<unknown> = (value) => (typeof value === "string" ? lookAtText(value) : undefined);

const eachJsonItem = eachItem((item) => lookAtJson(item)) as Look<unknown>;
const eachJsonEntry = eachEntry(true, (value) => lookAtJson(value)) as Look<unknown>;

function lookAtJson(value: unknown): Unstorable | undefined {
  if (typeof value === "string") return lookAtText(value);
  if (typeof value === "number" && !Number.isFinite(value))
    return { field: "", description: "must be a finite number" };
  if (typeof value !== "object" || value === null) return undefined;
  return Array.isArray(value) ? eachJsonItem(value) : eachJsonEntry(value);
}

function below(path: string, unstorable: Unstorable | undefined): Unstorable | undefined {
  return unstorable && { field: path + unstorable.field, description: unstorable.description };
}
