import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { BadRequest, Ground } from "./bad-request.ts";
import { hostileHost, hostileJson, hostileQuery, hostileText, mutatedBytes } from "./hostile-values.ts";
import type { Random } from "./random.ts";
import type { HostileRpc } from "./rpcs.ts";

type Header = readonly [name: string, value: string];

const METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "LOCK"];
const PAGES = [
  "/",
  "/healthz",
  "/readyz",
  "/metrics",
  "/docs",
  "/docs/",
  "/docs/page.js",
  "/openapi.json",
  "/v1",
  "/v2/llms",
];
const CODERS: Record<string, (data: Buffer) => Buffer> = {
  gzip: gzipSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};

/** A bad REST call: a route that is nearly right, with a query, a body and headers that are not. */
export function badRest(random: Random, rpcs: readonly HostileRpc[], ground: Ground): BadRequest {
  const served = rpcs.filter(({ routes }) => routes.length > 0);
  const { json, routes } = random.pick(served);
  const [rightMethod, path] = random.pick(routes);
  const isRightMethod = random.chance(0.7);
  const method = isRightMethod ? rightMethod : random.pick(METHODS);
  const { name, target } = hostileTarget(random, path);
  const { headers, body } = hostileContent(random, random.chance(0.85) ? hostileJson(random, json) : Buffer.from(json));
  const hasBody =
    method !== "HEAD" &&
    method !== "TRACE" &&
    random.chance(["GET", "DELETE", "OPTIONS"].includes(method) ? 0.1 : 0.95);
  return {
    shape: `rest ${isRightMethod ? "" : "wrong-method "}${name}${hasBody ? "" : " no-body"}`,
    family: "rest",
    method,
    host: hostileHost(random),
    // What stands in a request line can hold no blanks; the raw requests have them.
    target: (target + hostileQuery(random)).replaceAll(/[\s#]/g, "_").slice(0, 14_000),
    headers: [...callerHeaders(random, ground), ...oddHeaders(random), ...(hasBody ? headers : [])],
    body: hasBody ? body : undefined,
  };
}

/** The key, most often the right one. */
export function callerHeaders(random: Random, { apiKey }: Ground): Header[] {
  if (random.chance(0.85)) return [["authorization", `Bearer ${apiKey}`]];
  const wrong = [
    "Bearer ",
    "Bearer",
    "Basic YTpi",
    `Bearer ${apiKey}x`,
    `Bearer ${apiKey.slice(0, -1)}`,
    `bearer  ${apiKey} x`,
  ];
  return random.pick<Header[]>([
    [],
    [["authorization", random.pick(wrong)]],
    [["authorization", `Bearer ' or 1=1 --${hostileText(random)}`]],
    [["x-api-key", hostileText(random)]],
    [["x-discolike-key", "pb_live_".repeat(200)]],
  ]);
}

/** Up to three headers that no call needs. */
export function oddHeaders(random: Random): Header[] {
  const all: Header[] = [
    ["accept", random.pick(["text/event-stream", "*/*;q=x", ",", "application/xml", "text/event-stream;q=0"])],
    ["accept-encoding", random.pick(["gzip", "br;q=2", "zstd", "*;q=0", ";;q=a", "identity;q=0"])],
    ["x-server-timeout", random.pick(["NaN", "0", "-1", "0.000001", "1e9", "999999999999"])],
    ["connect-timeout-ms", random.pick(["0", "-5", "1", "99999999999", "x"])],
    ["grpc-timeout", random.pick(["1n", "0S", "99999999H", "1x", "-1S", ""])],
    ["origin", random.pick(["null", "https://evil.example", "\\"])],
    ["access-control-request-method", "PATCH"],
    ["x-http-method-override", "DELETE"],
    ["traceparent", random.pick(["00-0-0-0", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, "ff".repeat(300)])],
    ["x-request-id", "../../etc/passwd"],
    ["x-forwarded-for", "127.0.0.1"],
    ["if-none-match", "*"],
    ["range", "bytes=0-,-1"],
    ["cookie", "a=b; ".repeat(random.pick([1, 400]))],
    ["prefer", "respond-async"],
    ["__proto__", "polluted"],
    ["constructor", "polluted"],
    ["x-long", "y".repeat(random.pick([10, 3_000, 9_000]))],
    [`x-${"n".repeat(300)}`, "1"],
  ];
  return Array.from({ length: random.below(4) }, () => random.pick(all));
}

function hostileTarget(random: Random, path: string): { name: string; target: string } {
  const text = hostileText(random);
  const cut = random.below(path.length);
  const kinds: Record<string, string> = {
    right: path,
    "right-path": path,
    "text-for-segment": path.replace(/[^/:]+(?=(:\w+)?$)/, () => text),
    "text-inside": `${path.slice(0, cut)}${text}${path.slice(cut)}`,
    "text-behind": `${path}${random.pick(["", "/", ":", "%3a", "%2F", ";"])}${text}`,
    "absolute-form": `${random.pick(["http://evil.example", "https://evil", "HTTP://[::1]:1", "ftp://x"])}${path}`,
    "double-slash": `//evil.example${path}`,
    slashes: path.replaceAll("/", "/".repeat(1 + random.pick([1, 3, 2_000]))),
    dots: path.replace("/v1", random.pick(["/v1/../v1", "/./v1", "/%2e%2e/v1", "/v1/..%2fv1", "/..;/v1"])),
    encoded: [...path]
      .map((letter) => (random.chance(0.3) ? `%${letter.charCodeAt(0).toString(16)}` : letter))
      .join(""),
    page: random.pick(PAGES),
    "no-slash": path.slice(1),
  };
  const name = random.pick(Object.keys(kinds));
  return { name, target: kinds[name] ?? path };
}

/** A body as sent, and the headers that tell of it, which may lie. */
function hostileContent(random: Random, body: Buffer): { headers: Header[]; body: Buffer } {
  const types = [
    "application/json; charset=utf-16",
    "text/plain",
    "application/json;;",
    "multipart/form-data; boundary=x",
    "*/*",
    "application/x-www-form-urlencoded",
  ];
  const type: Header[] = random.chance(0.9)
    ? [["content-type", "application/json"]]
    : [["content-type", random.pick(types)]];
  if (random.chance(0.8)) return { headers: random.chance(0.95) ? type : [], body };
  const coding = random.pick([...Object.keys(CODERS), "gzip, gzip", "deflate", "identity", "compress", "x"]);
  const compressed = CODERS[coding]?.(body) ?? body;
  const sent = random.chance(0.4) ? mutatedBytes(random, compressed) : random.chance(0.2) ? body : compressed;
  return { headers: [...type, ["content-encoding", coding]], body: sent };
}
