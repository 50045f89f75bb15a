import type { JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../resources/input.ts";
import type { Written } from "../variables.ts";

/** `env.NAME`, a text, or an object that says which of both it is. */
export function writtenIn(value: JsonValue | undefined): Written {
  if (isObject(value)) {
    const { env_var: variable, ref } = value;
    const text = String(value.value ?? "");
    const named =
      /^env\.(.+)$/.exec(String(variable ?? ref ?? ""))?.[1] ??
      (value.from_env === true ? String(variable) : undefined);
    return { text, variable: named };
  }
  const text = String(value ?? "");
  // What lies in a vault of Bifrost's is no text, and no variable.
  if (text.startsWith("vault.")) return { text: "", variable: undefined };
  return { text, variable: /^env\.(.+)$/.exec(text)?.[1] };
}
