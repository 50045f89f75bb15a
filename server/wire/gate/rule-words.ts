import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { type Path, pathToString } from "@bufbuild/protobuf/reflect";
import type { Violation } from "@bufbuild/protovalidate";
import { namesOf } from "../call/fields.ts";
import type { Problem } from "../call/wire-error.ts";

/**
 * What a message breaks of the contract's rules, as its caller can mend it: protovalidate says what the rule is, which
 * may be a regular expression; this says what would be right.
 */
export function describeViolation(type: DescMessage, violation: Violation): Problem {
  const { ruleId, message, field: path, forKey } = violation;
  if (ruleId === "message.oneof") return describeChoice(path, message);
  const last = path.at(-1);
  if (last?.kind === "oneof") return describeOneof(path, last.fields);
  const field = path.findLast((step) => step.kind === "field");
  const place = pathToString(path);
  const holder = field === undefined ? type : field.message;
  const named = holder && fieldOfRule(holder, ruleId);
  if (named) return describeWhole(named, place, message);
  const description = inWords(ruleId, message, field);
  return { field: place, description: forKey ? `its name ${description}` : description };
}

/** What a rule of a whole message says of the field that it is called after. */
function describeWhole(named: DescField, place: string, message: string): Problem {
  const field = place ? `${place}.${named.name}` : named.name;
  const values = named.enum ? `: one of ${namesOf(named.enum).join(", ")}` : "";
  const opening = `${named.name} `;
  if (!message.startsWith(opening)) return { field, description: message, isSentence: true };
  return { field, description: message.slice(opening.length) + values };
}

/** The field that a rule of a message is about. */
function fieldOfRule({ fields }: DescMessage, ruleId: string): DescField | undefined {
  const name = /^[a-z_]+\.([a-z_]+)$/.exec(ruleId)?.[1];
  return fields.find((field) => field.name === name);
}

/** Of fields that stand for each other: `one of a, b must be set`, or `only one of a, b can be set`. */
function describeChoice(path: Path, message: string): Problem {
  const [, names = ""] = /one of (.*) (?:must|can) be set$/.exec(message) ?? [];
  const [first = "", ...others] = names.split(", ");
  const rest = others.map((name) => `\`${name}\``).join(" or ");
  const place = pathToString(path);
  const field = place ? `${place}.${first}` : first;
  if (message.startsWith("only")) return { field, description: `excludes ${rest}, give only one of them` };
  return { field, description: `must be given, or else ${rest}` };
}

function describeOneof(path: Path, members: readonly DescField[]): Problem {
  const names = members.map(({ name }) => `\`${name}\``).join(" or ");
  const place = pathToString(path.slice(0, -1));
  if (place) return { field: place, description: `must have ${names}` };
  return { field: members[0]?.name ?? "", description: `must be given: ${names}` };
}

function inWords(ruleId: string, message: string, field: DescField | undefined): string {
  const [kind = "", rule = ""] = ruleId.split(".");
  if (kind === "required") return "must be given";
  if (kind === "enum" && field?.enum) return `must be one of ${namesOf(field.enum).join(", ")}`;
  switch (rule) {
    case "pattern":
      return wordsForPattern(message);
    case "min_len":
      return message === "must be at least 1 characters" ? "must not be missing or empty" : inOne(message);
    case "uuid":
    case "uuid_empty":
      return "must be a UUID, such as 6f8b7c1e-3f0a-4b8e-9d65-0c1f5a2b3c4d";
    case "not_in":
      return message.replace(/^must not be in list \[(.*)\]$/, "must be none of $1");
    case "min_items":
    case "max_items":
      return message.replace("contain no more than", "have at most").replace("contain", "have").replace(items, inItems);
    case "unique":
      return "must not have the same twice";
    case "min_pairs":
    case "max_pairs":
      return inOne(message.replace("map must be", "must have"));
    default:
      return inOne(inNumbers(message));
  }
}

const items = /(\d+) item\(s\)/;
const inItems = (_: string, count: string) => `${count} item${count === "1" ? "" : "s"}`;

/** One of a thing is no plural. */
function inOne(message: string): string {
  return message.replace(/\b1 (character|byte|pair|value)s\b/, "1 $1").replace(/\b1 entries\b/, "1 entry");
}

function inNumbers(message: string): string {
  return message
    .replace(/greater than or equal to (\S+) and less than or equal to (\S+)/, "from $1 to $2")
    .replace(/greater than or equal to (\S+)/, "$1 or more")
    .replace(/less than or equal to (\S+)/, "$1 or less");
}

function wordsForPattern(message: string): string {
  const [, pattern = ""] = /`(.*)`/s.exec(message) ?? [];
  return PATTERNS[pattern] ?? message;
}

const VISIBLE = "visible ASCII characters, without spaces, line breaks or characters such as … or typographic quotes";
const ALIAS =
  "must be lower-case letters, digits, dots, underscores, hyphens and slashes, and begin with a letter or digit, such " +
  "as claude-team or openai/gpt-4o";

/** What the patterns of the contract ask for, each with an example. */
const PATTERNS: Readonly<Record<string, string>> = {
  "^[!-~]*$": `must be ${VISIBLE}, such as sk-0123456789`,
  "^[!-~]{20,256}$": `must be 20 to 256 ${VISIBLE}, such as sk-0123456789abcdefghij`,
  "^[\\x21-\\x7e]{1,64}$": "must be 1 to 64 visible ASCII characters, without spaces, such as turn-1",
  "^[ -~]*$": "must be ASCII characters, without line breaks, such as `Bearer `",
  "^[A-Za-z0-9-]*$": "must be letters, digits and hyphens, as in the name of a header, such as X-Api-Key",
  "^(env|file|vault)://[!-~]*$": "must look like env://NAME, file:///path or vault://mount/path#field",
  "^[0-9]{1,6}(\\.[0-9]{1,6})?$":
    'must be dollars for a million tokens as a decimal text, such as "2.5": from 0 to 999999.999999, with at most 6 decimals',
  "^[0-9]{1,19}(\\.[0-9]{1,12})?$":
    'must be dollars as a decimal text, such as "25" or "0.50": 0 or more, with at most 12 decimals and no commas',
  "^[A-Za-z0-9_-]{1,64}$": "must be 1 to 64 letters, digits, underscores and hyphens, such as get_weather",
  "^[A-Za-z0-9_-]{0,64}$": "must be up to 64 letters, digits, underscores and hyphens, such as weather_report",
  "^[a-z0-9][a-z0-9._-]*$":
    "must be lower-case letters, digits, dots, underscores and hyphens, and begin with a letter or digit, such as openai-team",
  "^[a-z0-9][a-z0-9._-]*(/[a-z0-9._-]+)*$": ALIAS,
  "^$|^[a-z0-9][a-z0-9._-]*(/[a-z0-9._-]+)*$": ALIAS,
  "^[0-9A-Za-z]{16}$": "must be the id of an API key, 16 letters and digits, as GET /v1/apiKeys lists them",
  "^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "must be a day such as 2026-11-25",
  '^(/[!-"$->@-~]*)?$': "must be a path that begins with a slash, such as /chat/completions, without a query",
};
