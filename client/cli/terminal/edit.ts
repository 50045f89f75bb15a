import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { stringify } from "yaml";
import { UsageError } from "../failure.ts";
import { isObject, parseYaml } from "../resources/input.ts";

/** Lets a person change an object in their editor; what they leave behind. Their file is gone afterwards. */
export function openEditor(editor: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-edit-"));
  const file = join(folder, "edit.yaml");
  try {
    writeFileSync(file, text, { mode: 0o600 });
    // As git does it: $EDITOR may be a command with options, and the file is an argument of it.
    const { status, error } = spawnSync("sh", ["-c", `${editor} "$1"`, "editor", file], { stdio: "inherit" });
    if (error || status !== 0) {
      throw new UsageError(`the editor "${editor}" failed; nothing was changed. Set VISUAL or EDITOR to another.`);
    }
    return readFileSync(file, "utf8");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What an editor shows of a thing: the fields that can be changed, the unset ones with nothing behind. */
export function editableText(thing: JsonObject, fields: readonly string[], heading: string): string {
  const shown = fields.map((field) => [field, thing[field] ?? null] as const);
  const comment = heading.split("\n").map((line) => `# ${line}`.trimEnd());
  return `${comment.join("\n")}\n${stringify(Object.fromEntries(shown), { nullStr: "" })}`;
}

/** The fields that were changed; a null is one that was cleared. */
export function changesIn(thing: JsonObject, edited: string, fields: readonly string[]): JsonObject {
  const value = parseYaml(edited, "what you wrote") ?? {};
  if (!isObject(value)) throw new UsageError("what you wrote is not a list of fields with their values.");
  const strange = Object.keys(value).filter((field) => !fields.includes(field));
  if (strange.length > 0)
    throw new UsageError(`${strange.join(", ")} cannot be changed. Known are: ${fields.join(", ")}.`);
  const changed = Object.entries(value).filter(([field, now]) => !isSame(thing[field] ?? null, now));
  return Object.fromEntries(changed) as JsonObject;
}

function isSame(before: JsonValue, now: JsonValue | undefined): boolean {
  return isDeepStrictEqual(before, now ?? null);
}
