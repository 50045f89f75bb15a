/** HTTP/2 by hand, for peers that a client library would not let misbehave. */

const HEADERS = 1;
const RST_STREAM = 3;
const PING = 6;
const ACK = 1;
const END_STREAM_AND_HEADERS = 5;
const CANCEL = Buffer.from([0, 0, 0, 8]);

/** `GET http://x/` in HPACK: three entries of the static table and one literal. */
const GET = Buffer.from([0x82, 0x86, 0x84, 0x01, 0x01, 0x78]);

/** The preface and empty SETTINGS: all that a peer must say before its first stream. */
export const HTTP2_HELLO = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");

/** Opens a stream with a whole request. */
export function getFrame(streamId: number): Buffer {
  return frame(HEADERS, END_STREAM_AND_HEADERS, streamId, GET);
}

/** Cancels a stream. */
export function resetFrame(streamId: number): Buffer {
  return frame(RST_STREAM, 0, streamId, CANCEL);
}

/** Answers a PING. */
export function pingAnswerFrame(payload: Buffer): Buffer {
  return frame(PING, ACK, 0, payload);
}

/** The payloads of the PINGs in all that a listener has sent. */
export function pingsIn(received: string): Buffer[] {
  const bytes = Buffer.from(received, "latin1");
  const payloads: Buffer[] = [];
  let start = 0;
  while (start + 9 <= bytes.length) {
    const end = start + 9 + bytes.readUIntBE(start, 3);
    if (bytes[start + 3] === PING && bytes[start + 4] !== ACK) payloads.push(bytes.subarray(start + 9, end));
    start = end;
  }
  return payloads;
}

function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}
