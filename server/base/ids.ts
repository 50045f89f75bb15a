/** Whether a text is a UUID, in either case. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** A text that may be an id, as ids are compared: a UUID in lower case, anything else as it is. */
export function canonicalId(text: string): string {
  return isUuid(text) ? text.toLowerCase() : text;
}
