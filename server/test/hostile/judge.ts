import { type Answer, decoded, envelopesOf } from "./answer.ts";
import type { Family } from "./bad-request.ts";
import type { Exchange } from "./exchange.ts";

/** What no answer may have in it: traces of the code, of its files, of its database and of its libraries. */
const INTERNALS = [
  /\bat \S+ \(?(file:|node:|\/)/,
  /node_modules|node:internal|\.(ts|mjs|cjs):\d+/,
  /\/work\/|\/tmp\/|\/home\//,
  /\b(TypeError|RangeError|ReferenceError|SyntaxError|MikroORM|DriverException|ECONN\w+|ENOENT)\b/,
  /\b(select|insert into|update) [^"]* (from|values|set) /i,
  /\[object Object\]/,
];

/** Statuses that are no fault of ours: refusals, and what Node answers to broken HTTP. */
const FIT = new Set([
  200, 204, 304, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 412, 413, 415, 417, 429, 431, 499, 501, 503, 504,
  505,
]);

/** Codes of gRPC and their names in Connect that tell of a fault of ours: UNKNOWN, INTERNAL, DATA_LOSS. */
const FAULTS = new Set(["2", "13", "15", "unknown", "internal", "data_loss"]);

/** All that is wrong with what came back; nothing, most often. */
export function judge(family: Family, { answers, problem }: Exchange, isHead = false): string[] {
  const complaints = problem === undefined ? [] : [problem];
  return complaints.concat(answers.flatMap((answer) => judgeAnswer(family, answer, isHead)));
}

function judgeAnswer(family: Family, answer: Answer, isHead: boolean): string[] {
  const { status, headers, body, trailers } = answer;
  const text = decoded(headers["content-encoding"], body).toString("latin1");
  const complaints = INTERNALS.filter(
    (pattern) => pattern.test(text) || pattern.test(JSON.stringify([headers, trailers])),
  ).map((pattern) => `shows internals (${pattern})`);
  if (headers["content-type"]?.startsWith("application/json") && text !== "" && !isJson(text)) {
    complaints.push("is no JSON");
  }
  if (/"reason":"STORE_UNAVAILABLE"/.test(text) || /database/.test(trailers["grpc-message"] ?? ""))
    complaints.push("says that the database is away");
  if (!FIT.has(status)) complaints.push(`status ${status} ${text.slice(0, 200)}`);
  else if (status >= 500 && !isHead) complaints.push(...judgeOurs(status, text));
  return [...complaints, ...FAMILIES[family](answer, text)];
}

/** A 5xx that is ours to give says why. */
function judgeOurs(status: number, text: string): string[] {
  if (status === 505) return [];
  return /"(code|status)":"(unavailable|UNAVAILABLE|unimplemented|UNIMPLEMENTED|deadline_exceeded|DEADLINE_EXCEEDED)"/.test(
    text,
  )
    ? []
    : [`status ${status} without a reason`];
}

const FAMILIES: Record<Family, (answer: Answer, text: string) => string[]> = {
  any: () => [],
  rest: ({ status }, text) => {
    if (status < 400 || text === "") return [];
    const error = isJson(text) ? JSON.parse(text).error : undefined;
    return error?.code === status && typeof error.status === "string" && error.details?.length > 0
      ? []
      : ["is no AIP-193 error"];
  },
  "connect-unary": ({ status }, text) => {
    if (status < 400 || text === "") return [];
    const code = isJson(text) ? JSON.parse(text).code : undefined;
    return typeof code === "string" ? [] : ["is no Connect error"];
  },
  "connect-stream": ({ status, headers, body }) => {
    if (status !== 200) return [];
    const last = envelopesOf(body, headers["connect-content-encoding"]).at(-1);
    const text = last?.message.toString() ?? "";
    if (last === undefined || (last.flags & 2) === 0 || !isJson(text)) return ["has no end of stream"];
    const { code, message } = JSON.parse(text).error ?? {};
    return FAULTS.has(code) ? [`${code}: ${message}`] : [];
  },
  grpc: ({ status, headers, trailers }) => (status === 200 ? judgeStatus({ ...headers, ...trailers }) : []),
  "grpc-web": ({ status, headers, body }) => {
    if (status !== 200) return [];
    const isText = headers["content-type"]?.startsWith("application/grpc-web-text");
    const last = envelopesOf(isText ? fromText(body) : body, headers["grpc-encoding"]).at(-1);
    const lines = last !== undefined && (last.flags & 0x80) !== 0 ? last.message.toString("latin1").split("\r\n") : [];
    const trailers = Object.fromEntries(lines.map((line) => line.toLowerCase().split(/: ?/, 2)));
    return judgeStatus({ ...headers, ...trailers });
  },
};

/** The bytes of a body of gRPC-Web in text mode: pieces of base64, each with its padding. */
function fromText(body: Buffer): Buffer {
  const pieces = body.toString("latin1").match(/[^=]+=*/g) ?? [];
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece, "base64")));
}

function judgeStatus({ "grpc-status": status, "grpc-message": message }: Readonly<Record<string, string>>): string[] {
  if (status === undefined) return ["has no grpc-status"];
  return FAULTS.has(status) ? [`grpc-status ${status} ${message}`] : [];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
