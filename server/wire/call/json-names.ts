import type { DescFile, DescMessage } from "@bufbuild/protobuf";

/** Puts the names of fields in a sentence into the spelling of JSON. */
export type Rename = (text: string) => string;

/** A name in the spelling of protos, or something in quotes, which is the caller's and stays as it is. */
const NAME_OR_QUOTE = /"(?:[^"\\]|\\.)*"|\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b/g;

/** By the fields of all messages in the files: who calls in JSON is told of `modelIdentifier`, not of `model_identifier`. */
export function jsonNamesOf(files: readonly DescFile[]): Rename {
  const names = new Map<string, string>();
  const add = ({ fields, nestedMessages }: DescMessage): void => {
    for (const { name, jsonName } of fields) if (name !== jsonName) names.set(name, jsonName);
    nestedMessages.forEach(add);
  };
  for (const file of withImports(files)) file.messages.forEach(add);
  return (text) => (text.includes("_") ? text.replace(NAME_OR_QUOTE, (found) => names.get(found) ?? found) : text);
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
