import { gzipSync } from "node:zlib";
import type { BadRequest, Family, Ground } from "./bad-request.ts";
import { callerHeaders, oddHeaders } from "./bad-rest.ts";
import { hostileHost, hostileJson, hostileText, mutatedBytes } from "./hostile-values.ts";
import type { Random } from "./random.ts";
import type { HostileRpc } from "./rpcs.ts";

type Header = readonly [name: string, value: string];

/** A bad Connect call of a unary rpc, by POST or by GET. */
export function badConnect(random: Random, rpcs: readonly HostileRpc[], ground: Ground): BadRequest {
  const rpc = random.pick(rpcs.filter(({ method }) => method.methodKind === "unary"));
  const isJson = random.chance(0.5);
  const message = hostileMessage(random, rpc, isJson);
  const version: Header[] = random.chance(0.8)
    ? [["connect-protocol-version", random.pick(["1", "1", "1", "2", ""])]]
    : [];
  const common = [...callerHeaders(random, ground), ...oddHeaders(random), ...version];
  if (random.chance(0.15)) return connectGet(random, rpc, isJson, message, common);
  const types = ["application/json; charset=x", "application/xml", "application/proto+x", ""];
  const type = random.chance(0.9) ? (isJson ? "application/json" : "application/proto") : random.pick(types);
  const isCompressed = random.chance(0.15);
  const body = !isCompressed
    ? message
    : random.chance(0.5)
      ? gzipSync(message)
      : mutatedBytes(random, gzipSync(message));
  const coding: Header[] = isCompressed
    ? [["content-encoding", random.chance(0.9) ? "gzip" : random.pick(["br", "zstd", "x"])]]
    : [];
  return {
    shape: `connect ${isJson ? "json" : "binary"}${isCompressed ? " compressed" : ""}`,
    family: "connect-unary",
    method: random.chance(0.97) ? "POST" : random.pick(["PUT", "GET", "HEAD", "DELETE"]),
    host: hostileHost(random),
    target: rpc.path,
    headers: [...common, ["content-type", type], ...coding],
    body,
  };
}

function connectGet(
  random: Random,
  { path }: HostileRpc,
  isJson: boolean,
  message: Buffer,
  headers: Header[],
): BadRequest {
  const isBase64 = !isJson || random.chance(0.5);
  const text = isBase64 ? message.toString("base64url") : encodeURIComponent(message.toString("latin1"));
  const pairs = [
    `encoding=${random.chance(0.9) ? (isJson ? "json" : "proto") : hostileText(random)}`,
    `message=${random.chance(0.9) ? text : hostileText(random)}`,
    ...(isBase64 ? [`base64=${random.pick(["1", "1", "1", "2"])}`] : []),
    ...(random.chance(0.8) ? ["connect=v1"] : []),
    ...(random.chance(0.1) ? [`compression=${random.pick(["gzip", "br", "x"])}`] : []),
  ];
  const target = `${path}?${pairs.filter(() => random.chance(0.95)).join("&")}`
    .slice(0, 8_000)
    .replaceAll(/[\s#]/g, "_");
  return {
    shape: `connect get ${isJson ? "json" : "binary"}`,
    family: "connect-unary",
    method: "GET",
    host: hostileHost(random),
    target,
    headers,
    body: undefined,
  };
}

/** A call in envelopes: gRPC, gRPC-Web, or Connect of a streaming rpc. */
export function badEnveloped(
  random: Random,
  rpcs: readonly HostileRpc[],
  ground: Ground,
  family: Exclude<Family, "any" | "rest" | "connect-unary">,
): BadRequest {
  const isStream = family === "connect-stream";
  const rpc = random.pick(isStream ? rpcs.filter(({ method }) => method.methodKind === "server_streaming") : rpcs);
  const isJson = random.chance(isStream ? 0.5 : 0.1);
  const base = {
    grpc: "application/grpc",
    "grpc-web": "application/grpc-web",
    "connect-stream": "application/connect",
  }[family];
  const types = [`${base}-text`, `${base}+thrift`, `${base};x`, "application/octet-stream", base.toUpperCase()];
  const isRightType = random.chance(0.93);
  const prefix = isStream ? "connect" : "grpc";
  const codings = ["gzip", "gzip", "br", "identity", "zstd", "x", ""];
  const envelope = hostileEnvelopes(random, hostileMessage(random, rpc, isJson));
  return {
    shape: `${family} ${isJson ? "json" : "binary"} ${envelope.name}${isRightType ? "" : " wrong-type"}`,
    family,
    method: random.chance(0.98) ? "POST" : random.pick(["GET", "PUT"]),
    host: hostileHost(random),
    target: rpc.path,
    headers: [
      ...callerHeaders(random, ground),
      ...oddHeaders(random),
      ["content-type", isRightType ? `${base}+${isJson ? "json" : "proto"}` : random.pick(types)],
      ...(family === "grpc" && random.chance(0.95) ? [["te", "trailers"] as const] : []),
      ...(random.chance(0.4)
        ? [[`${prefix}-${isStream ? "content-" : ""}encoding`, random.pick(codings)] as const]
        : []),
      ...(random.chance(0.1) ? hostileMetadata(random) : []),
    ],
    body: envelope.bytes,
  };
}

function hostileMessage(random: Random, { json, binary }: HostileRpc, isJson: boolean): Buffer {
  if (random.chance(0.15)) return isJson ? Buffer.from(json) : binary;
  if (isJson) return hostileJson(random, json);
  return random.chance(0.1) ? nestedBinary(random) : mutatedBytes(random, binary);
}

/** Fields of every wire type, nested in each other, with lengths that are right or not. */
function nestedBinary(random: Random): Buffer {
  let bytes = random.bytes(random.below(6));
  for (let depth = random.pick([1, 5, 99, 101, 500]); depth > 0; depth--) {
    const field = random.chance(0.9) ? random.pick([9, 10, 13, 14, 16]) : random.below(30);
    const tag = (field << 3) | (random.chance(0.95) ? 2 : random.below(8));
    bytes = Buffer.concat([varint(tag), varint(random.chance(0.97) ? bytes.length : random.below(2 ** 31)), bytes]);
  }
  return bytes;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

function hostileEnvelopes(random: Random, message: Buffer): { name: string; bytes: Buffer } {
  const kinds: Record<string, () => Buffer> = {
    right: () => envelope(0, message),
    "as-it-is": () => envelope(0, message),
    "two-messages": () => Buffer.concat([envelope(0, message), envelope(0, message)]),
    none: () => Buffer.alloc(0),
    "wrong-flags": () => envelope(random.pick([2, 4, 8, 0x40, 0x80, 0xff]), message),
    "says-compressed": () => envelope(1, message),
    compressed: () => envelope(1, gzipSync(message)),
    "compressed-badly": () => envelope(1, mutatedBytes(random, gzipSync(message))),
    "length-too-long": () => envelope(0, message, message.length + 1 + random.below(1_000)),
    "length-too-short": () => envelope(0, message, Math.max(0, message.length - 1 - random.below(20))),
    "length-4-GiB": () => envelope(0, message, 0xffff_ffff),
    "length-5-MiB": () => envelope(0, message, 5 << 20),
    "cut-prefix": () => envelope(0, message).subarray(0, 1 + random.below(4)),
    "bytes-behind": () => Buffer.concat([envelope(0, message), random.bytes(1 + random.below(30))]),
    "many-empty": () => Buffer.concat(Array.from({ length: 200 }, () => envelope(0, Buffer.alloc(0)))),
    "end-of-stream": () => Buffer.concat([envelope(random.pick([2, 0x80]), Buffer.from("{}")), envelope(0, message)]),
    noise: () => random.bytes(random.below(100)),
  };
  const name = random.pick(Object.keys(kinds));
  return { name, bytes: kinds[name]?.() ?? message };
}

/** A message behind its prefix, which may lie about the length. */
export function envelope(flags: number, message: Buffer, length = message.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flags, 0);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

function hostileMetadata(random: Random): Header[] {
  return random.pick<Header[]>([
    Array.from({ length: 150 }, (_, n) => [`x-meta-${n}`, "v".repeat(40)] as const),
    [["x-trace-bin", "!!! no base64 !!!"]],
    [
      ["grpc-status", "0"],
      ["grpc-message", "%zz"],
    ],
    [
      ["grpc-accept-encoding", ",,,"],
      ["grpc-encoding", "gzip,gzip"],
    ],
    [["x-meta", "v".repeat(7_000)]],
  ]);
}
