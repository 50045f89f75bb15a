import { text } from "node:stream/consumers";

let read: Promise<string> | undefined;

/** All of the standard input. Asked again, it is what it was. */
export function readStdin(): Promise<string> {
  read ??= text(process.stdin);
  return read;
}
