import type { Socket } from "node:net";

/** The protocols that a listener speaks. */
export type Protocol = "http1" | "http2";

/** What a client with prior knowledge of HTTP/2 sends first (RFC 9113, section 3.4). */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/**
 * Tells by a socket's first bytes what it speaks, and gives them back to the socket.
 *
 * All that is not the preface of HTTP/2 counts as HTTP/1.1, whose parser knows best how to refuse it. A socket that
 * ends or does not decide within the time is destroyed.
 */
export function sniff(socket: Socket, timeoutMs: number, decided: (protocol: Protocol) => void): void {
  let head: Buffer = Buffer.alloc(0);

  const giveUp = () => socket.destroy();
  const timer = setTimeout(giveUp, timeoutMs);
  const stop = () => {
    clearTimeout(timer);
    socket.off("readable", look).off("end", giveUp).off("close", stop);
  };
  const look = () => {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
      head = Buffer.concat([head, chunk]);
    }
    if (head.length === 0) return;
    const length = Math.min(head.length, PREFACE.length);
    const isPreface = PREFACE.subarray(0, length).equals(head.subarray(0, length));
    if (isPreface && length < PREFACE.length) return;
    stop();
    // Only now: bytes given back while this listener is on would come straight round again.
    socket.unshift(head);
    decided(isPreface ? "http2" : "http1");
  };
  socket.on("readable", look).on("end", giveUp).on("close", stop);
}
