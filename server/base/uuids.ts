import { randomUUID } from "node:crypto";
/** Whether a text is a UUID, in either case. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** A text that may be an id, as ids are compared: a UUID in lower case, anything else as it is. */
export function canonicalId(text: string): string {
  return isUuid(text) ? text.toLowerCase() : text;
}

/**
 * A UUID of version 7 (RFC 9562): ids that are made one after the other are beside each other in an index, and say when
 * they were made.
 */
export function timedUuid(atMs: number): string {
  const time = atMs.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

/** The lowest UUID of version 7 that could be made at a time. */
export function firstUuidAt(atMs: number): string {
  const time = atMs.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}
