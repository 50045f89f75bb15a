import { createFileRegistry, type DescMessage, type FileRegistry } from "@bufbuild/protobuf";
import { registryOf, type Shape } from "../../server/test/wire/rest-shapes.ts";

/** The shapes of messages and enums as a file of cases has them, by full name; `$oneofs` has the oneofs. */
export type CaseShapes = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Makes the types that cases name. Types of one package make one file; nested ones stand beside their parents. */
export function registryOfCases(shapes: CaseShapes): FileRegistry {
  const names = Object.keys(shapes).filter((name) => !name.startsWith("$"));
  const packages = new Set(names.map(packageOf));
  return createFileRegistry(...[...packages].map((name) => registryOfPackage(name, shapes, names)));
}

/** The type of a message that a case names, or an error that says which file lacks it. */
export function messageType(registry: FileRegistry, name: string): DescMessage {
  const desc = registry.getMessage(`${packageOf(name)}.${simpleName(name)}`);
  if (desc === undefined) throw new Error(`no shape for the message ${name}`);
  return desc;
}

function registryOfPackage(packageName: string, shapes: CaseShapes, names: readonly string[]): FileRegistry {
  const own = names.filter((name) => packageOf(name) === packageName);
  const isEnum = (name: string) => Object.values(shapes[name] ?? {}).some((value) => typeof value === "number");
  const pick = (wanted: boolean) =>
    Object.fromEntries(own.filter((name) => isEnum(name) === wanted).map((name) => [simpleName(name), shapes[name]]));
  return registryOf({
    package: packageName,
    messages: pick(false) as Record<string, Shape>,
    enums: pick(true) as Record<string, Record<string, number>>,
    oneofs: Object.fromEntries(
      Object.entries(shapes.$oneofs ?? {}).map(([name, oneofs]) => [simpleName(name), oneofs]),
    ) as Record<string, Record<string, string[]>>,
  });
}

/** A package is written in lower case, a type is not. */
function packageOf(name: string): string {
  return name
    .split(".")
    .filter((part) => part === part.toLowerCase())
    .join(".");
}

function simpleName(name: string): string {
  return name.split(".").at(-1) ?? name;
}
