import type { DescFile, DescMessage } from "@bufbuild/protobuf";

/** Puts the names of fields in a sentence into the spelling of JSON. */
export type Rename = (text: string) => string;

/** A name or a path in the spelling of protos, or something in quotes, which is the caller's and stays as it is. */
const PATH_OR_QUOTE = /"(?:[^"\\]|\\.)*"|\b[a-z]\w*(?:\[\d+\])?(?:\.\w+(?:\[\d+\])?)*/g;

/** By the fields of all messages in the files: who calls in JSON is told of `modelIdentifier`, not of `model_identifier`. */
export function jsonNamesOf(files: readonly DescFile[]): Rename {
  const names = new Map<string, string>();
  const open = new Set<string>();
  const add = ({ fields, nestedMessages }: DescMessage): void => {
    for (const { name, jsonName, fieldKind, message } of fields) {
      names.set(name, jsonName);
      if (fieldKind === "map" || message?.typeName === "google.protobuf.Struct") open.add(name);
    }
    nestedMessages.forEach(add);
  };
  for (const file of withImports(files)) file.messages.forEach(add);
  const spell = (path: string): string => {
    if (!path.includes("_")) return path;
    let isOwn = true;
    const steps = path.split(".").map((step) => {
      const [, name = step, index = ""] = /^(\w+)(.*)$/.exec(step) ?? [];
      const spelled = isOwn ? `${names.get(name) ?? name}${index}` : step;
      // What is inside of it has names of the caller's own.
      isOwn &&= !open.has(name);
      return spelled;
    });
    return steps.join(".");
  };
  return (text) =>
    text.includes("_") ? text.replace(PATH_OR_QUOTE, (found) => (found.startsWith('"') ? found : spell(found))) : text;
}

/** With the files of the same package that they import. */
function withImports(files: readonly DescFile[]): ReadonlySet<DescFile> {
  const all = new Set<DescFile>();
  const add = (file: DescFile): void => {
    if (all.has(file)) return;
    all.add(file);
    for (const one of file.dependencies) if (one.proto.package === file.proto.package) add(one);
  };
  files.forEach(add);
  return all;
}
