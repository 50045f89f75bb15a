import type { DescEnum, DescExtension, DescField, DescFile, DescMessage } from "@bufbuild/protobuf";

/**
 * Two names of a contract that some generator makes one, and a name that some language keeps for itself, each in a
 * sentence. A contract without any compiles in C++ (17 and 20), Java, Go, C#, Python, Rust and TypeScript, and its OpenAPI
 * document in whatever tells schemas apart without case and dots.
 */
export function clashesOf(files: Iterable<DescFile>, mainPackage: string): string[] {
  const all = [...files];
  const messages = all.flatMap((file) => file.messages.flatMap(withNested));
  const enums = [...all.flatMap((file) => file.enums), ...messages.flatMap((message) => message.nestedEnums)];
  const extensions = all.flatMap((file) => file.extensions);
  return [
    ...schemaClashes([...messages, ...enums], mainPackage),
    ...messages.flatMap(accessorClashes),
    ...messages.flatMap(innerClashes),
    ...[...messages.flatMap(({ fields }) => fields), ...extensions].flatMap(keywordClashes),
    ...all.flatMap(fileClashes),
    ...enums.flatMap(valueClashes),
  ];
}

/** Generators of OpenAPI clients name a type by its schema, without dots, and some of them without case. */
function schemaClashes(types: readonly (DescMessage | DescEnum)[], mainPackage: string): string[] {
  const shortName = ({ typeName }: DescMessage | DescEnum) =>
    typeName.startsWith(`${mainPackage}.`) ? typeName.slice(mainPackage.length + 1) : typeName;
  return twins(types, (type) => shortName(type).replace(/[._]/g, "").toLowerCase()).map(
    ([a, b]) => `${a.typeName} and ${b.typeName} are one schema without case and dots`,
  );
}

const CPP = [
  "has_?",
  "set_?",
  "clear_?",
  "mutable_?",
  "release_?",
  "add_?",
  "set_allocated_?",
  "unsafe_arena_release_?",
  "?_size",
];
const JAVA = [
  "?_bytes",
  "?_builder",
  "?_or_builder",
  "?_count",
  "?_list",
  "?_value",
  "?_map",
  "?_or_default",
  "?_case",
];
const GO = ["get_?"];

/** A field may not be called what a generator calls the accessor of another. */
function accessorClashes({ fields, oneofs, typeName }: DescMessage): string[] {
  const named = new Map(fields.map((field) => [field.name, field]));
  const accessors = (field: DescField) => [
    ...CPP.filter((form) => appliesInCpp(form, field)),
    ...JAVA.filter((form) => appliesInJava(form, field)),
    ...GO,
  ];
  const byFields = fields.flatMap((field) =>
    accessors(field).flatMap((form) => {
      const other = named.get(form.replace("?", field.name));
      return other ? [`${typeName}: the field ${other.name} is what generators call an accessor of ${field.name}`] : [];
    }),
  );
  const byOneofs = oneofs.flatMap(({ name }) =>
    [`${name}_case`, `has_${name}`, `clear_${name}`].flatMap((accessor) =>
      named.has(accessor) ? [`${typeName}: the field ${accessor} is what generators call an accessor of ${name}`] : [],
    ),
  );
  const byCase = twins(fields, ({ name }) => name.replaceAll("_", "").toLowerCase()).map(
    ([a, b]) => `${typeName}: the fields ${a.name} and ${b.name} differ in case and lines only`,
  );
  return [...byFields, ...byOneofs, ...byCase];
}

function appliesInCpp(form: string, { fieldKind }: DescField): boolean {
  if (form === "add_?" || form === "?_size") return fieldKind === "list" || fieldKind === "map";
  return true;
}

function appliesInJava(form: string, { fieldKind, scalar, message, enum: type }: DescField): boolean {
  switch (form) {
    case "?_bytes":
      return scalar === 9;
    case "?_builder":
    case "?_or_builder":
      return message !== undefined;
    case "?_count":
      return fieldKind === "list" || fieldKind === "map";
    case "?_list":
      return fieldKind === "list";
    case "?_map":
    case "?_or_default":
      return fieldKind === "map";
    case "?_value":
      return type !== undefined;
    default:
      return false;
  }
}

/** What a language has in every generated class already. */
const RESERVED = new Set([
  // C++, Java and Python: methods of every message.
  ..."descriptor new swap copy_from merge_from clear is_initialized byte_size get_type_name cached_size".split(" "),
  ..."class serialized_size default_instance parser_for_type unknown_fields all_fields initialization_error_string".split(
    " ",
  ),
  // Go: methods of every message.
  ..."reset string proto_message proto_reflect".split(" "),
  // C#: members of every message.
  ..."parser types equals get_hash_code to_string calculate_size".split(" "),
]);

/** Words that C++20, Java, Go, Python or Rust keep for themselves and that not every generator escapes. */
const KEYWORDS = new Set([
  ..."alignas alignof and asm auto bitand bitor bool break case catch char class compl concept const consteval".split(
    " ",
  ),
  ..."constexpr constinit continue co_await co_return co_yield decltype default delete do double else enum".split(" "),
  ..."explicit export extern false final float for friend goto if import in inline int long mutable namespace new".split(
    " ",
  ),
  ..."noexcept not null nullptr operator or override package private protected public register requires return".split(
    " ",
  ),
  ..."self short signed sizeof static struct super switch synchronized template this throw true try typedef typeid".split(
    " ",
  ),
  ..."typename union unsigned using virtual void volatile where while xor yield".split(" "),
  ..."as async await crate def del dyn elif except finally fn from func global go impl interface is lambda let".split(
    " ",
  ),
  ..."loop match mod move mut nonlocal pass pub raise range ref select trait unsafe use var with".split(" "),
]);

/** Keywords that are right here, and that the generators of the languages that keep them escape. */
const ESCAPED = new Set(["ref"]);

function keywordClashes(named: DescField | DescExtension): string[] {
  if (RESERVED.has(named.name)) return [`${named.toString()} is a member of every message in some language`];
  if (KEYWORDS.has(named.name) && !ESCAPED.has(named.name))
    return [`${named.toString()} is a keyword in some language`];
  return [];
}

/** Java and C# put nested types beside the outer one, Go joins them with a line, and no type may be called like what holds it. */
function innerClashes(message: DescMessage): string[] {
  const inner = [...message.nestedMessages, ...message.nestedEnums];
  return [
    ...inner.flatMap(({ name }) =>
      name.toLowerCase() === message.name.toLowerCase() ? [`${message.typeName} holds a type of its own name`] : [],
    ),
    ...inner.flatMap(({ name, typeName }) =>
      ["Builder", "Types", "Parser", "Descriptor"].includes(name) ? [`${typeName} is a name that generators use`] : [],
    ),
    ...message.oneofs.flatMap((oneof) =>
      inner.flatMap(({ name }) =>
        oneof.fields.some((field) => pascal(field.name) === name || `${pascal(oneof.name)}Case` === name)
          ? [`${message.typeName}: the type ${name} is what Go or C++ call a case of ${oneof.name}`]
          : [],
      ),
    ),
  ];
}

/** Java wraps a file in a class of its own, which may not be called like a type in it. */
function fileClashes({ proto, messages, enums, services }: DescFile): string[] {
  const { javaOuterClassname, goPackage, javaPackage, csharpNamespace } = proto.options ?? {};
  const missing = Object.entries({ javaOuterClassname, goPackage, javaPackage, csharpNamespace })
    .filter(([, value]) => !value)
    .map(([option]) => `${proto.name} has no ${option}`);
  const taken = [...messages, ...enums, ...services].find(({ name }) => name === javaOuterClassname);
  return [...missing, ...(taken ? [`${proto.name}: ${taken.typeName} is also the class of the file in Java`] : [])];
}

/** Names that headers of C define as macros. */
const MACROS = new Set(
  "NULL EOF TRUE FALSE ERROR IN OUT DELETE CONST OPTIONAL DOMAIN OVERFLOW UNDERFLOW SING PLOSS TLOSS NAN INFINITY HUGE".split(
    " ",
  ),
);

function valueClashes({ typeName, values }: DescEnum): string[] {
  return [
    ...values.flatMap(({ name }) => (MACROS.has(name) ? [`${typeName}.${name} is a macro in C`] : [])),
    ...twins(values, ({ name }) => name.replaceAll("_", "").toLowerCase()).map(
      ([a, b]) => `${typeName}: ${a.name} and ${b.name} differ in case and lines only`,
    ),
    ...twins(values, ({ name }) => withoutPrefix(name, typeName)).map(
      ([a, b]) => `${typeName}: ${a.name} and ${b.name} are one in C#, which drops the enum's name`,
    ),
  ];
}

/** A value as C# names it: without its enum's name in front. */
function withoutPrefix(value: string, typeName: string): string {
  const [name, prefix] = [value, typeName.split(".").at(-1) ?? ""].map((text) =>
    text.replaceAll("_", "").toLowerCase(),
  );
  return name !== prefix && name?.startsWith(prefix ?? "") ? name.slice(prefix?.length) : (name ?? "");
}

/** Those that are the same under a name, in pairs: the first and each later one. */
function twins<Thing>(things: readonly Thing[], nameOf: (thing: Thing) => string): [Thing, Thing][] {
  const first = new Map<string, Thing>();
  return things.flatMap((thing): [Thing, Thing][] => {
    const name = nameOf(thing);
    const earlier = first.get(name);
    if (earlier !== undefined) return [[earlier, thing]];
    first.set(name, thing);
    return [];
  });
}

function withNested(message: DescMessage): DescMessage[] {
  return [message, ...message.nestedMessages.flatMap(withNested)];
}

function pascal(name: string): string {
  return name.replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
