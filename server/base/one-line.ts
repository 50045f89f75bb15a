/** What some readers of lines take for the end of one, though neither JSON nor event streams do. */
const ENDS = /[\u0085\u2028\u2029]/;

/**
 * JSON that is one line to everybody. It may hold U+0085, U+2028 and U+2029 as they are, and clients that cut a stream by
 * Python's `splitlines` read half an event there (findings/line-separator-in-a-reply.sh).
 */
export function onOneLine(json: string): string {
  if (!ENDS.test(json)) return json;
  return json.replace(new RegExp(ENDS, "g"), (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
