import { isWithin, type NameOf } from "../calls/field-names.ts";
import type { SecretFlags } from "../terminal/secrets.ts";
import { camel, type Source } from "./input.ts";
import type { Flag, Noun } from "./nouns.ts";

/** The options that stand for fields of a request. */
export function namesByFlags(flags: readonly Flag[]): NameOf {
  return (path) => optionOf(flags.find(({ field }) => isWithin(path, field)));
}

interface Typed extends SecretFlags {
  readonly set?: readonly string[];
}

/** What a command line calls a field: by what gave it its value, in the order in which that counts. */
export function namesByInputs(noun: Noun, values: Typed, source: Source): NameOf {
  const assigned = (values.set ?? []).map((assignment) => assignment.split("=")[0] ?? "");
  return (path) => {
    if (assigned.some((set) => isWithin(path, set) || isWithin(set, path))) return `--set ${path}`;
    const flag = noun.flags.find(({ field }) => isWithin(path, field));
    const isTyped = flag && (values as Readonly<Record<string, unknown>>)[camel(flag.name)] !== undefined;
    if (isTyped) return optionOf(flag);
    if (source.has(path)) return `${source.place(path)}: ${path}`;
    if (path === noun.namedBy) return `<${path}>`;
    if (isWithin(path, "credentials")) return secretOption(values);
    if (flag) return optionOf(flag);
    const [first = ""] = path.split(/[.[]/);
    return noun.create?.input.fields.some(({ jsonName }) => jsonName === first) ? `--set ${path}` : undefined;
  };
}

function optionOf(flag: Flag | undefined): string | undefined {
  return flag && `--${flag.name}`;
}

/** Which option led to the secret, or is one that would. */
function secretOption({ keyEnv, keyFile, keyStdin, keyRef }: SecretFlags): string {
  if (keyRef !== undefined) return "--key-ref";
  if (keyFile !== undefined) return `--key-file ${keyFile}`;
  if (keyStdin) return "--key-stdin";
  return keyEnv === undefined ? "--key-env" : `--key-env ${keyEnv}`;
}
