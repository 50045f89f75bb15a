import { type DescMessage, getOption } from "@bufbuild/protobuf";
import { FieldBehavior, field_behavior } from "../../../gen/google/api/field_behavior_pb.ts";
import { takes_back } from "../../../gen/patchbay/v1/options_pb.ts";
import { fieldsOf } from "./fields.ts";

/** Whether a field is one that the message named by `takes_back` has, and that is the server's to say. */
export function isServersOwn(desc: DescMessage, name: string): boolean {
  const source = messageReadBack(desc);
  const field = source && fieldsOf(source).get(name);
  return field !== undefined && getOption(field, field_behavior).includes(FieldBehavior.OUTPUT_ONLY);
}

/** Whether JSON is that of a thing that was read, and is sent back: with the time at which it was made, and more of the like. */
export function wasRead(desc: DescMessage, json: object): boolean {
  if (messageReadBack(desc) === undefined || !(Object.hasOwn(json, "createdAt") || Object.hasOwn(json, "created_at")))
    return false;
  return Object.keys(json).filter((name) => !fieldsOf(desc).has(name) && isServersOwn(desc, name)).length > 1;
}

function messageReadBack(desc: DescMessage): DescMessage | undefined {
  const typeName = getOption(desc, takes_back);
  if (typeName === "") return undefined;
  const messages = [desc.file, ...desc.file.dependencies].flatMap((file) => file.messages);
  return messages.find((message) => message.typeName === typeName);
}
