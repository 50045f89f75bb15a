import type { DescFile } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FileOptions,
  type ServiceDescriptorProto,
} from "@bufbuild/protobuf/wkt";

const INDENT = "  ";

/**
 * The source of a proto2 or proto3 file, from its descriptor. It has all that is needed to import the file, to annotate
 * with its extensions and to generate code; comments and the options of fields, messages and rpcs are left out,
 * buf.validate's CEL rules among them.
 */
export function printProto({ proto }: DescFile): string {
  return [
    `syntax = "${proto.syntax || "proto2"}";`,
    `package ${proto.package};`,
    ...proto.dependency.map((path) => `import "${path}";`),
    ...printOptions(proto.options),
    ...proto.extension.flatMap((field) => [
      `extend ${field.extendee} {`,
      INDENT + printField(field, proto.syntax),
      "}",
    ]),
    ...proto.messageType.flatMap((message) => printMessage(message, proto.syntax)),
    ...proto.enumType.flatMap(printEnum),
    ...proto.service.flatMap(printService),
    "",
  ].join("\n");
}

/** What generators of some languages ask a file. */
const FILE_OPTIONS = [
  ["goPackage", "go_package"],
  ["javaPackage", "java_package"],
  ["javaOuterClassname", "java_outer_classname"],
  ["javaMultipleFiles", "java_multiple_files"],
  ["csharpNamespace", "csharp_namespace"],
  ["objcClassPrefix", "objc_class_prefix"],
  ["phpNamespace", "php_namespace"],
  ["rubyPackage", "ruby_package"],
] as const;

function printOptions(options: FileOptions | undefined): string[] {
  return FILE_OPTIONS.flatMap(([key, name]) => {
    const value = options?.[key];
    return value ? [`option ${name} = ${JSON.stringify(value)};`] : [];
  });
}

function printService({ name, method }: ServiceDescriptorProto): string[] {
  const stream = (isStream: boolean) => (isStream ? "stream " : "");
  return [
    `service ${name} {`,
    ...indent(
      method.map(
        (rpc) =>
          `rpc ${rpc.name}(${stream(rpc.clientStreaming)}${rpc.inputType}) returns (${stream(rpc.serverStreaming)}${rpc.outputType});`,
      ),
    ),
    "}",
  ];
}

function printMessage(message: DescriptorProto, syntax: string): string[] {
  const plain = message.field.filter((field) => oneofOf(message, field) === undefined);
  const maps = new Map(message.nestedType.filter((nested) => nested.options?.mapEntry).map((map) => [map.name, map]));
  return [
    `message ${message.name} {`,
    ...indent([
      ...plain.map((field) => printMap(field, maps) ?? printField(field, syntax)),
      ...message.oneofDecl.flatMap((oneof) => {
        const members = message.field.filter((field) => oneofOf(message, field) === oneof);
        if (members.length === 0) return []; // A proto3 optional field's own.
        return [
          `oneof ${oneof.name} {`,
          ...indent(members.map((field) => `${typeOf(field)} ${field.name} = ${field.number};`)),
          "}",
        ];
      }),
      ...message.extensionRange.map(
        ({ start, end }) => `extensions ${start} to ${end > 536_870_911 ? "max" : end - 1};`,
      ),
      ...message.reservedRange.map(({ start, end }) => `reserved ${start} to ${end - 1};`),
      ...message.reservedName.map((name) => `reserved "${name}";`),
      ...message.nestedType
        .filter((nested) => !maps.has(nested.name))
        .flatMap((nested) => printMessage(nested, syntax)),
      ...message.enumType.flatMap(printEnum),
    ]),
    "}",
  ];
}

function printEnum(type: EnumDescriptorProto): string[] {
  const aliased = new Set(type.value.map(({ number }) => number)).size < type.value.length;
  return [
    `enum ${type.name} {`,
    ...indent([
      ...(aliased ? ["option allow_alias = true;"] : []),
      ...type.value.map(({ name, number }) => `${name} = ${number};`),
      ...type.reservedRange.map(({ start, end }) => `reserved ${start} to ${end};`),
      ...type.reservedName.map((name) => `reserved "${name}";`),
    ]),
    "}",
  ];
}

function printField(field: FieldDescriptorProto, syntax: string): string {
  return `${labelOf(field, syntax)}${typeOf(field)} ${field.name} = ${field.number};`;
}

function printMap(field: FieldDescriptorProto, maps: Map<string, DescriptorProto>): string | undefined {
  const [key, value] = maps.get(field.typeName.split(".").at(-1) ?? "")?.field ?? [];
  return key && value && `map<${typeOf(key)}, ${typeOf(value)}> ${field.name} = ${field.number};`;
}

function oneofOf(message: DescriptorProto, field: FieldDescriptorProto) {
  const isMember = Object.hasOwn(field, "oneofIndex") && !field.proto3Optional;
  return isMember ? message.oneofDecl[field.oneofIndex] : undefined;
}

function labelOf(field: FieldDescriptorProto, syntax: string): string {
  if (field.label === FieldDescriptorProto_Label.REPEATED) return "repeated ";
  if (field.label === FieldDescriptorProto_Label.REQUIRED) return "required ";
  return syntax === "proto3" && !field.proto3Optional ? "" : "optional ";
}

function typeOf(field: FieldDescriptorProto): string {
  return field.typeName || (FieldDescriptorProto_Type[field.type] ?? "").toLowerCase();
}

const indent = (lines: string[]) => lines.map((line) => INDENT + line);
