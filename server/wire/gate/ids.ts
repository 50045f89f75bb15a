import { type DescField, type DescMessage, getOption, type Message } from "@bufbuild/protobuf";
import { type FieldRules, field as rulesOf } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** Puts one field of a message into the case that ids have. */
type Lower = (message: Record<string, unknown>) => void;

const plans = new WeakMap<DescMessage, readonly Lower[]>();

/**
 * Ids are compared as texts, and UUIDs are written in either case: what a field says that must be a UUID is in lower case
 * for everybody behind the gate. To be called once the message keeps its rules. What names an Llm stays as it is written:
 * whoever looks for it knows that aliases have no capitals, and can repeat it.
 */
export function lowerIds(type: DescMessage, message: Message): void {
  let plan = plans.get(type);
  if (plan === undefined) {
    plan = type.fields.flatMap((field) => (mustBeUuid(field) ? lowerOf(field) : []));
    plans.set(type, plan);
  }
  for (const lower of plan) lower(message as unknown as Record<string, unknown>);
}

/** Whether a field, or each item of a list, must be a UUID. */
export function mustBeUuid(field: DescField): boolean {
  const { type } = getOption(field, rulesOf) as FieldRules;
  const ofValue = type.case === "repeated" ? type.value.items?.type : type;
  return ofValue?.case === "string" && ofValue.value.wellKnown.case === "uuid" && ofValue.value.wellKnown.value;
}

function lowerOf({ localName, fieldKind }: DescField): Lower {
  if (fieldKind === "list") {
    return (message) => {
      message[localName] = (message[localName] as string[]).map((id) => id.toLowerCase());
    };
  }
  return (message) => {
    const id = message[localName] as string | undefined;
    if (id) message[localName] = id.toLowerCase();
  };
}
