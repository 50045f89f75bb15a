import type { Random } from "./random.ts";

const UUID = "00000000-0000-4000-8000-000000000000";

/** Pieces of JSON text that stand where another one should. */
// biome-ignore format: a list to be read as one
const JSON_PIECES = [
  "null", "true", "0", "-1", "1e400", "-0.0", "9007199254740993", "123456789012345678901234567890", "1E+2", "01", "NaN",
  '""', '"\\u0000"', '"\\ud800"', '"\\x"', '"a\nb"', `"${"a".repeat(5_000)}"`, `"${"é".repeat(300)}"`, `"${UUID}"`,
  "[]", "[[]]", "[null]", "{}", '{"":{}}', "{}{}", ",", "", '"__proto__"', '"constructor"', '"prototype"',
  '{"__proto__":{"polluted":true}}', '{"constructor":{"prototype":{"polluted":true}}}', '{"__raw":true}', '{"$ne":null}',
  '"asc; select pg_sleep(5)"', "\"' or 1=1 --\"", '"%\\\\_%"', '"\\r\\nx-injected: 1"', '"javascript:alert(1)"',
  '"http://127.0.0.1:1/v1"', '"http://[::ffff:7f00:1]/"', '"file:///etc/passwd"', '"//evil"', '"http://a:b@127.0.0.1/"',
  '{"@type":"type.googleapis.com/google.protobuf.Any"}', '{"@type":"/"}', '{"source":{"case":"x"}}', "-2147483649",
];

/** Texts that mean something to somebody: paths, markup, formats, SQL. */
// biome-ignore format: a list to be read as one
const TEXTS = [
  "", " ", "a", "%", "%%%", "%2", "%zz", "%00", "%0d%0a", "%2e%2e", "%252e%252e", "%2f", "%c0%af", "%ff%fe", "%ed%a0%80",
  "..", ".", "*", ":", "::", "~", ";", "\\", "'", '"', "{", "}", "[", "]", "$", "=", "&", "+", "-1", "0", "NaN", "null",
  "undefined", "__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "a".repeat(3_000), UUID,
  `${UUID}:chat`, `${UUID}:nope`, "1e999", "%F0%9F%98%80", "true", "'%20or%201=1--", "$" + "{jndi:ldap://x}", "<script>",
];

/** Hosts that are none, or not this one. */
const HOSTS = [
  "[",
  "]",
  "a:99999",
  "a:b",
  "%zz",
  "a b",
  "a@b",
  "a/b",
  "\u00ff",
  "evil.example",
  "[::1]",
  "127.0.0.1:",
  "",
  "{",
  "a\\b",
  "1.2.3.4.5",
];

/** The host of a request; most often undefined, for the right one. */
export function hostileHost(random: Random): string | undefined {
  return random.chance(0.04) ? random.pick(HOSTS) : undefined;
}

/** A text that a path, a query or a header may have where it should not. */
export function hostileText(random: Random): string {
  return random.pick(TEXTS);
}

/** The query of a request, question mark included; most often none that anybody should send. */
export function hostileQuery(random: Random): string {
  if (random.chance(0.3)) return "";
  // biome-ignore format: a list to be read as one
  const keys = [
    "pageSize", "page_token", "ownerId", "provider_type", "status", "labels[a]", "labels.__proto__", "labels[", "search",
    "orderBy", "direction", "llmId", "message", "messages", "messages.role", "clientConfig", "credentials.apiKey", "alt",
    "$alt", "__proto__.polluted", "constructor.prototype.polluted", "__proto__[polluted]", "a.b.c", ".", "a..b", "%zz",
    "", "updateMask", "pageSize.x", "defaultSamplingParams.temperature", "x".repeat(500), `${"a.".repeat(200)}a`,
  ];
  const pair = () => `${random.pick(keys)}${random.chance(0.9) ? "=" : ""}${hostileText(random)}`;
  const count = random.chance(0.01) ? 500 : random.below(4);
  return `?${Array.from({ length: count }, pair).join(random.chance(0.95) ? "&" : ";")}`;
}

/** JSON text with something wrong in it; the same text now and then. */
export function hostileJson(random: Random, text: string): Buffer {
  const kind = random.below(10);
  if (kind === 0) return Buffer.from(random.pick(JSON_PIECES));
  if (kind === 1) return mutatedBytes(random, Buffer.from(text));
  if (kind === 2) return Buffer.from(depthBomb(random));
  if (kind === 3) return Buffer.from(`\ufeff${text}`, random.chance(0.5) ? "utf8" : "utf16le");
  if (kind === 4)
    return Buffer.from(
      text.replace(
        "{",
        `{${random.pick(['"__proto__"', '"nope"', '""', '"constructor"', '"llmId"'])}:${random.pick(JSON_PIECES)},`,
      ),
    );
  return Buffer.from(withOtherTokens(random, text));
}

/** Bytes cut, doubled, overwritten or replaced by noise. */
export function mutatedBytes(random: Random, bytes: Buffer): Buffer {
  const start = random.below(bytes.length + 1);
  const end = start + random.below(bytes.length - start + 1);
  const [before, middle, after] = [bytes.subarray(0, start), bytes.subarray(start, end), bytes.subarray(end)];
  switch (random.below(6)) {
    case 0:
      return Buffer.from(before);
    case 1:
      return Buffer.concat([before, after]);
    case 2:
      return Buffer.concat([before, middle, middle, after]);
    case 3:
      return Buffer.concat([before, random.bytes(1 + random.below(8)), after]);
    case 4:
      return random.bytes(1 + random.below(200));
    default: {
      const copy = Buffer.from(bytes);
      for (let flips = 1 + random.below(4); flips > 0 && copy.length > 0; flips--)
        copy[random.below(copy.length)] = random.below(256);
      return copy;
    }
  }
}

function withOtherTokens(random: Random, text: string): string {
  const tokens = [...text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false/g)];
  const { 0: token = "", index = 0 } = random.pick(tokens) ?? {};
  const changed = text.slice(0, index) + random.pick(JSON_PIECES) + text.slice(index + token.length);
  return random.chance(0.2) ? withOtherTokens(random, changed) : changed;
}

function depthBomb(random: Random): string {
  const depth = random.pick([99, 101, 1_000, 20_000]);
  const [open = "", close = ""] = random.pick([
    ["[", "]"],
    ['{"a":', "}"],
    ['{"clientConfig":{"a":', "}}"],
    ['{"messages":[', "]}"],
    ['{"tools":[{"parameters":', "}]}"],
  ]);
  return open.repeat(depth) + (random.chance(0.5) ? "{}" : "") + close.repeat(random.chance(0.8) ? depth : 0);
}
