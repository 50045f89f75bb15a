import {
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  toBinary,
} from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** A file and all it imports, directly or not, each a serialized FileDescriptorProto; the file itself is the first. */
export type Closure = readonly Uint8Array[];

/** All that can be looked up about services, the files they need and other files, made once from their descriptors. */
export class DescriptorIndex {
  /** The full names of the services, sorted. */
  readonly serviceNames: readonly string[];

  readonly #byFilename = new Map<string, Closure>();
  readonly #bySymbol = new Map<string, Closure>();
  readonly #extensions = new Map<string, Map<number, Closure>>();

  constructor(services: readonly DescService[], others: readonly DescFile[] = []) {
    this.serviceNames = [...new Set(services.map(({ typeName }) => typeName))].sort();
    const files = new Set([...services.map(({ file }) => file), ...others].flatMap((file) => [...withImports(file)]));
    const binaries = new Map([...files].map((file) => [file, toBinary(FileDescriptorProtoSchema, file.proto)]));
    for (const file of files) {
      this.#add(
        file,
        [...withImports(file)].flatMap((each) => binaries.get(each) ?? []),
      );
    }
  }

  /** The file of that name, which has its ending: `google/protobuf/any.proto`. */
  file(name: string): Closure | undefined {
    return this.#byFilename.get(name);
  }

  /** The file with the declaration of that full name, whatever kind of thing it names. */
  symbol(name: string): Closure | undefined {
    return this.#bySymbol.get(name);
  }

  /** The file with the extension of that number of a message. */
  extension(messageName: string, number: number): Closure | undefined {
    return this.#extensions.get(messageName)?.get(number);
  }

  /** The numbers of a message's extensions, sorted; undefined of what is no message. */
  extensionNumbers(messageName: string): readonly number[] | undefined {
    const numbers = this.#extensions.get(messageName)?.keys();
    return numbers && [...numbers].sort((a, b) => a - b);
  }

  #add(file: DescFile, closure: Closure): void {
    this.#byFilename.set(file.proto.name, closure);
    for (const type of nestedTypes(file)) {
      for (const name of [type.typeName, ...memberNames(type)]) this.#bySymbol.set(name, closure);
      if (type.kind === "message") this.#extensionsOf(type.typeName);
      if (type.kind === "extension") this.#extensionsOf(type.extendee.typeName).set(type.number, closure);
    }
  }

  #extensionsOf(messageName: string): Map<number, Closure> {
    const known = this.#extensions.get(messageName);
    if (known) return known;
    const extensions = new Map<number, Closure>();
    this.#extensions.set(messageName, extensions);
    return extensions;
  }
}

/** The file first, then what it imports, nearest first. */
function withImports(file: DescFile): Set<DescFile> {
  const files = new Set([file]);
  // A set hands out what is added while it is walked.
  for (const each of files) for (const imported of each.dependencies) files.add(imported);
  return files;
}

/** The full names that a type declares beside its own. Those of enum values are siblings of their enum, as in C++. */
function memberNames(type: NestedType): string[] {
  switch (type.kind) {
    case "message":
      return [...type.fields, ...type.oneofs].map(({ name }) => `${type.typeName}.${name}`);
    case "service":
      return type.methods.map(({ name }) => `${type.typeName}.${name}`);
    case "enum": {
      const scope = type.typeName.slice(0, type.typeName.lastIndexOf(".") + 1);
      return type.values.map(({ name }) => scope + name);
    }
    case "extension":
      return [];
  }
}

type NestedType = DescMessage | DescEnum | DescExtension | DescService;
