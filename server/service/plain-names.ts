import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { invalidField } from "../base/fault.ts";

/** Names that mean something else to JavaScript: whoever copies them carelessly changes every object there is. */
const UNSAFE = new Set(["__proto__", "constructor", "prototype"]);

/** A clientConfig, all of whose names are plain ones, however deep; the contract says the same of labels. */
export function withPlainNames(config: JsonObject | undefined): JsonObject | undefined {
  const waiting: (JsonValue | undefined)[] = [config];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== "object" || value === null) continue;
    const unsafe = Array.isArray(value) ? undefined : Object.keys(value).find((name) => UNSAFE.has(name));
    if (unsafe !== undefined) throw invalidField("client_config", `must not have the name "${unsafe}" in it`);
    waiting.push(...Object.values(value));
  }
  return config;
}
