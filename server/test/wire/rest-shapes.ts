/** Protobuf types from a short notation, for tests: no .proto file, no generated code. */
import { create, createFileRegistry, type FileRegistry, type MessageInitShape, setExtension } from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type EnumDescriptorProto,
  EnumDescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  FieldDescriptorProto_Label as Label,
  MessageOptionsSchema,
  MethodOptionsSchema,
  type OneofDescriptorProto,
  OneofDescriptorProtoSchema,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { file_google_api_annotations, http } from "../../../gen/google/api/annotations_pb.ts";
import { HttpRuleSchema as HttpRule, type HttpRuleSchema } from "../../../gen/google/api/http_pb.ts";
import { file_google_api_httpbody } from "../../../gen/google/api/httpbody_pb.ts";

/**
 * The fields of a message: `string`, `repeated int32`, `optional bool`, `map<string, int64>`, `enum{A=0,B=1}`, the name
 * of a message, or a nested message. A key `name as jsonName` gives the field a JSON name of its own.
 */
export interface Shape {
  readonly [field: string]: string | Shape;
}

/** A file of types. Names may stand for types of the file, and for those of google.protobuf and google.api. */
export interface FileShape {
  readonly package: string;
  readonly messages: Readonly<Record<string, Shape>>;
  readonly enums?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** The members of each oneof, by message. */
  readonly oneofs?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  /** The rpcs of one service, `Service`. */
  readonly rpcs?: Readonly<Record<string, RpcShape>>;
}

/** An rpc and its google.api.http rule. */
export interface RpcShape {
  readonly input: string;
  readonly output: string;
  readonly streams?: "requests" | "responses";
  readonly rule?: MessageInitShape<typeof HttpRuleSchema>;
}

const IMPORTS = [
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  file_google_api_annotations,
  file_google_api_httpbody,
];

/** The registry of the types of a file. */
export function registryOf(shape: FileShape): FileRegistry {
  const file = create(FileDescriptorProtoSchema, {
    name: `${shape.package}.proto`,
    package: shape.package,
    syntax: "proto3",
    dependency: IMPORTS.map(({ proto }) => proto.name),
    messageType: Object.entries(shape.messages).map(([name, fields]) =>
      new MessageBuilder(shape, `.${shape.package}`, name).build(fields),
    ),
    enumType: Object.entries(shape.enums ?? {}).map(([name, values]) => createEnum(name, values)),
    service: [
      { name: "Service", method: Object.entries(shape.rpcs ?? {}).map(([name, rpc]) => createRpc(shape, name, rpc)) },
    ],
  });
  return createFileRegistry(file, (name) => IMPORTS.find(({ proto }) => proto.name === name));
}

class MessageBuilder {
  readonly #shape: FileShape;
  readonly #fullName: string;
  readonly #message: DescriptorProto;

  constructor(shape: FileShape, parent: string, name: string) {
    this.#shape = shape;
    this.#fullName = `${parent}.${name}`;
    this.#message = create(DescriptorProtoSchema, { name });
  }

  build(fields: Shape): DescriptorProto {
    const oneofs = Object.entries(this.#shape.oneofs?.[this.#message.name] ?? {});
    this.#message.oneofDecl = oneofs.map(([name]) => createOneof(name));
    for (const [index, [key, type]] of Object.entries(fields).entries()) {
      const [name = key, jsonName = protoCamelCase(name)] = key.split(" as ");
      const field = create(FieldDescriptorProtoSchema, { name, jsonName, number: index + 1, label: Label.OPTIONAL });
      const oneof = oneofs.findIndex(([, members]) => members.includes(name));
      if (oneof !== -1) field.oneofIndex = oneof;
      this.#setType(field, type);
      this.#message.field.push(field);
    }
    return this.#message;
  }

  #setType(field: FieldDescriptorProto, type: string | Shape): void {
    if (typeof type !== "string") this.#setMessage(field, this.#nest(field.name, type));
    else if (type.startsWith("repeated ")) this.#setRepeated(field, type.slice("repeated ".length));
    else if (type.startsWith("optional ")) this.#setOptional(field, type.slice("optional ".length));
    else if (type.startsWith("map<")) this.#setMap(field, type.slice("map<".length, -1));
    else if (type.startsWith("enum{")) this.#setEnum(field, type.slice("enum{".length, -1));
    else this.#setNamed(field, type);
  }

  #setRepeated(field: FieldDescriptorProto, type: string): void {
    this.#setType(field, type);
    field.label = Label.REPEATED;
  }

  #setOptional(field: FieldDescriptorProto, type: string): void {
    this.#setType(field, type);
    field.proto3Optional = true;
    field.oneofIndex = this.#message.oneofDecl.push(createOneof(`_${field.name}`)) - 1;
  }

  #setMap(field: FieldDescriptorProto, types: string): void {
    const [key = "", value = ""] = types.split(/,\s*/);
    const entryName = `${pascalCase(field.name)}Entry`;
    const entry = new MessageBuilder(this.#shape, this.#fullName, entryName).build({ key, value });
    entry.options = create(MessageOptionsSchema, { mapEntry: true });
    this.#message.nestedType.push(entry);
    this.#setMessage(field, `${this.#fullName}.${entryName}`);
    field.label = Label.REPEATED;
  }

  #setEnum(field: FieldDescriptorProto, values: string): void {
    const name = pascalCase(field.name);
    const numbers = values.split(",").map((value) => value.split("="));
    this.#message.enumType.push(
      createEnum(name, Object.fromEntries(numbers.map(([value = "", number]) => [value.trim(), Number(number)]))),
    );
    field.type = Type.ENUM;
    field.typeName = `${this.#fullName}.${name}`;
  }

  #setNamed(field: FieldDescriptorProto, type: string): void {
    const scalar = /^[a-z]+\d*$/.test(type) ? Type[type.toUpperCase() as keyof typeof Type] : undefined;
    if (type === "message") this.#setMessage(field, this.#nest(field.name, {}));
    else if (scalar !== undefined) field.type = scalar;
    else if (type in (this.#shape.enums ?? {})) {
      field.type = Type.ENUM;
      field.typeName = `.${this.#shape.package}.${type}`;
    } else this.#setMessage(field, qualify(this.#shape, type));
  }

  #setMessage(field: FieldDescriptorProto, typeName: string): void {
    field.type = Type.MESSAGE;
    field.typeName = typeName;
  }

  #nest(fieldName: string, fields: Shape): string {
    const name = pascalCase(fieldName);
    this.#message.nestedType.push(new MessageBuilder(this.#shape, this.#fullName, name).build(fields));
    return `${this.#fullName}.${name}`;
  }
}

function createRpc(shape: FileShape, name: string, { input, output, streams, rule }: RpcShape) {
  const options = create(MethodOptionsSchema);
  if (rule !== undefined) setExtension(options, http, create(HttpRule, rule));
  return {
    name,
    inputType: qualify(shape, input),
    outputType: qualify(shape, output),
    clientStreaming: streams === "requests",
    serverStreaming: streams === "responses",
    options,
  };
}

function createOneof(name: string): OneofDescriptorProto {
  return create(OneofDescriptorProtoSchema, { name });
}

function createEnum(name: string, values: Readonly<Record<string, number>>): EnumDescriptorProto {
  const value = Object.entries(values).map(([name, number]) => ({ name, number }));
  return create(EnumDescriptorProtoSchema, { name, value });
}

function qualify(shape: FileShape, name: string): string {
  return name.includes(".") ? `.${name}` : `.${shape.package}.${name}`;
}

function pascalCase(name: string): string {
  return `_${name}`.replace(/_+(\w)/g, (_, letter: string) => letter.toUpperCase());
}
