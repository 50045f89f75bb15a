import type { BadBytes, Ground } from "./bad-request.ts";
import { hostileText } from "./hostile-values.ts";
import type { Random } from "./random.ts";

/** Bytes on a bare socket: no HTTP/1.1, half of it, or requests that two servers could read in two ways. */
export function badHttp1(random: Random, { host, apiKey }: Ground): BadBytes {
  const path = random.pick(["/v1/llms", "/v1/llms", "/patchbay.v1.LlmService/ListLlms"]);
  const key = `authorization: Bearer ${apiKey}\r\n`;
  const head = (line: string, ...headers: string[]) =>
    `${line}\r\nhost: ${host}\r\n${key}${headers.map((header) => `${header}\r\n`).join("")}\r\n`;
  const post = (...headers: string[]) => head(`POST ${path} HTTP/1.1`, "content-type: application/json", ...headers);
  const get = head(`GET ${path} HTTP/1.1`);
  const smuggled = "0\r\n\r\nGET /v1/llms HTTP/1.1\r\nhost: x\r\n\r\n";
  const noise = () => random.bytes(1 + random.below(400)).toString("latin1");
  const codings = [
    "chunked, identity",
    "xchunked",
    "\tchunked",
    "chunked\r\ntransfer-encoding: x",
    "identity",
    "CHUNKED, chunked",
    " chunked;q=1",
    "gzip",
  ];
  const lengths = ["-1", "+5", "5,5", "0x5", "1e1", "", "99999999999999999999", "5\r\ncontent-length: 6", "  ", "5 5"];
  const sizes = [
    "zz",
    "-1",
    "0x5",
    "ffffffffffffffffff",
    "5 5",
    "",
    " 5",
    "7fffffff",
    `5;${"e".repeat(2_000)}`,
    `${"0".repeat(5_000)}5`,
  ];
  // biome-ignore format: a list to be read as one
  const lines = [
    "GET /v1/llms", "GET  /v1/llms HTTP/1.1", "GET /v1/llms HTTP/1.2", "GET /v1/llms HTTP/9.9", "get /v1/llms HTTP/1.1", "GET\t/v1/llms\tHTTP/1.1",
    "GET /v1/l lms HTTP/1.1", " GET /v1/llms HTTP/1.1", "GET /v1/llms HTTP/1.1 x", "GET /v1/llms\u0000 HTTP/1.1", "GET /\u00ff\u00fe HTTP/1.1", "G".repeat(3_000),
    "CONNECT evil.example:443 HTTP/1.1", "OPTIONS * HTTP/1.1", "PRI * HTTP/2.0", "GET /v1/llms#x HTTP/1.1", "GET http:// HTTP/1.1", "GET ? HTTP/1.1", "POST x:80 HTTP/1.1",
    `GET /v1/llms/${hostileText(random)} HTTP/1.1`, "GET /v1/llms HTTP/1.0", "M-SEARCH * HTTP/1.1", "SOURCE / HTTP/1.1", "GET /\\..\\ HTTP/1.1",
  ];
  // biome-ignore format: a list to be read as one
  const headers = [
    "no colon", ": no name", "x : blank", "x\u0000y: 1", "x: a\u0000b", "x: \u00ff\u00fe", "host: evil.example", "host: a/b@c", "connection: upgrade\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk",
    "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x", "expect: 100-continue", "expect: something", "x: folded\r\n more", "x: bare\rreturn", "x: bare\nline\n",
    "trailer: host", "content-length: 0", "te: trailers\r\nconnection: te, host", "keep-alive: timeout=0", "__proto__: 1", "connection: content-length",
  ];
  const kinds: Record<string, () => string> = {
    noise,
    "tls-hello": () => `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${noise()}`,
    "half-head": () => get.slice(0, 1 + random.below(get.length - 1)),
    "half-body": () => `${post("content-length: 100")}{"displayName`,
    "noise-behind": () => get + noise(),
    "length-and-chunked": () => `${post("content-length: 4", "transfer-encoding: chunked")}${smuggled}`,
    "chunked-and-length": () =>
      `${post("transfer-encoding: chunked", `content-length: ${smuggled.length}`)}${smuggled}`,
    "odd-coding": () => `${post(`transfer-encoding: ${random.pick(codings)}`)}${smuggled}`,
    "odd-coding-and-length": () =>
      `${post(`transfer-encoding: ${random.pick(codings)}`, "content-length: 3")}${smuggled}`,
    "odd-length": () => `${post(`content-length: ${random.pick(lengths)}`)}{"a":1}`,
    "odd-chunk": () => `${post("transfer-encoding: chunked")}${random.pick(sizes)}\r\n{"a":\r\n${smuggled}`,
    "chunk-without-end": () => `${post("transfer-encoding: chunked")}5\r\n{"a":1}\r\n0\r\n\r\n`,
    "odd-trailer": () => `${post("transfer-encoding: chunked")}2\r\n{}\r\n0\r\n${random.pick(headers)}\r\n\r\n`,
    "odd-line": () => head(random.pick(lines)),
    "odd-header": () => head(`GET ${path} HTTP/1.1`, random.pick(headers)),
    "odd-header-with-body": () => `${post(random.pick(headers), "content-length: 2")}{}`,
    "length-too-short": () => `${post("content-length: 1")}{}`,
    "no-host": () => `GET ${path} HTTP/1.1\r\n${key}\r\n`,
    "old-without-host": () => `GET ${path} HTTP/1.0\r\n${key}\r\n`,
    "lines-without-return": () => get.replaceAll("\r\n", "\n"),
    pipeline: () => get.repeat(20) + post("content-length: 1000"),
    "head-with-body": () => `${head("HEAD /v1/llms HTTP/1.1", "content-length: 2")}{}`,
    blank: () => "\r\n".repeat(random.below(300)),
  };
  const name = random.pick(Object.keys(kinds));
  return { shape: `bytes ${name}`, bytes: Buffer.from(kinds[name]?.() ?? "", "latin1"), isHttp2: false };
}

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const [DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
];
/** `GET http://x/` in HPACK, as static entries and one literal. */
const GET = Buffer.from([0x82, 0x86, 0x84, 0x01, 0x01, 0x78]);

/** Frames of HTTP/2 that no peer may send, or not so, or not so many. */
export function badHttp2(random: Random): BadBytes {
  const noise = (most: number) => random.bytes(random.below(most));
  const ask = (block: Buffer, flags = 5, stream = 1) => frame(HEADERS, flags, stream, block);
  const literal = (name: string, value: string) =>
    Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);
  const many = (count: number, make: (n: number) => Buffer) =>
    Buffer.concat(Array.from({ length: count }, (_, n) => make(n)));
  const kinds: Record<string, () => Buffer> = {
    "random-frames": () => many(10, () => frame(random.below(12), random.below(256), random.below(9), noise(60))),
    "hpack-noise": () => ask(noise(60)),
    "hpack-index": () => ask(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f])),
    "hpack-table-size": () => ask(Buffer.concat([Buffer.from([0x3f, 0xff, 0xff, 0xff, 0x7f]), GET])),
    "odd-settings": () => frame(SETTINGS, random.pick([0, 1]), random.below(2), noise(30)),
    "settings-values": () => frame(SETTINGS, 0, 0, Buffer.from([0, random.below(8), 0xff, 0xff, 0xff, 0xff])),
    "settings-flood": () => many(500, () => frame(SETTINGS, 0, 0, Buffer.alloc(0))),
    "ping-flood": () => many(500, () => frame(PING, 0, 0, Buffer.alloc(8))),
    "reset-flood": () =>
      many(150, (n) => Buffer.concat([ask(GET, 5, 2 * n + 1), frame(RESET, 0, 2 * n + 1, Buffer.alloc(4))])),
    "continuation-flood": () =>
      Buffer.concat([ask(GET, 1), many(300, () => frame(CONTINUATION, 0, 1, literal("a", "b")))]),
    "continuation-alone": () => frame(CONTINUATION, 4, 1, GET),
    "data-on-0": () => frame(DATA, 0, random.pick([0, 7]), noise(50)),
    "data-behind-end": () => Buffer.concat([ask(GET), frame(DATA, 1, 1, noise(50))]),
    "padding-too-long": () => Buffer.concat([ask(GET, 4), frame(DATA, 9, 1, Buffer.from([200, 1]))]),
    "even-stream": () => ask(GET, 5, 2),
    "stream-goes-back": () => Buffer.concat([ask(GET, 5, 9), ask(GET, 5, 3)]),
    "depends-on-itself": () => frame(PRIORITY, 0, 1, Buffer.from([0, 0, 0, 1, 5])),
    "window-0": () => frame(WINDOW, 0, 0, Buffer.alloc(4)),
    "window-overflow": () => many(3, () => frame(WINDOW, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff]))),
    "push-from-client": () => frame(PUSH, 4, 1, Buffer.from([0, 0, 0, 2])),
    goaway: () => frame(GOAWAY, 0, 0, noise(20)),
    "length-16-MiB": () => Buffer.from([0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1]),
    "upper-case-name": () => ask(Buffer.concat([GET, literal("X-Upper", "1")])),
    "connection-header": () => ask(Buffer.concat([GET, literal("transfer-encoding", "chunked")])),
    "no-method": () => ask(Buffer.from([0x86, 0x84])),
    "two-paths": () => ask(Buffer.concat([GET, Buffer.from([0x85])])),
    "pseudo-late": () => ask(Buffer.concat([literal("a", "b"), GET])),
    "bad-path": () =>
      ask(
        Buffer.concat([
          Buffer.from([0x82, 0x86]),
          literal(":path", random.pick(["", "x", "*", "//evil", "/%zz", "/\u0000"])),
        ]),
      ),
    "length-lies": () =>
      Buffer.concat([
        ask(Buffer.concat([Buffer.from([0x83, 0x86, 0x84]), literal("content-length", "5")]), 4),
        frame(DATA, 1, 1, noise(4)),
      ]),
    "half-frame": () => ask(GET).subarray(0, 1 + random.below(13)),
    "noise-after-preface": () => noise(300),
  };
  const name = random.pick(Object.keys(kinds));
  const settings = random.chance(0.9) ? frame(SETTINGS, 0, 0, Buffer.alloc(0)) : Buffer.alloc(0);
  return { shape: `frames ${name}`, bytes: Buffer.concat([PREFACE, settings, kinds[name]?.() ?? GET]), isHttp2: true };
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
