import { type DescMessage, type DescOneof, getOption } from "@bufbuild/protobuf";
import { oneof } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import type { Schema } from "./open-api.ts";
import type { Prose } from "./prose.ts";

/** The oneofs of a message that leave something to choose. */
export function choicesOf(desc: DescMessage): DescOneof[] {
  return desc.oneofs.filter(({ fields }) => fields.length > 1);
}

/** A oneof in words. */
export function describeChoice(choice: DescOneof, prose: Prose): string {
  const members = choice.fields.map(({ jsonName }) => `\`${jsonName}\``).join(", ");
  return `${isRequired(choice) ? "Exactly" : "At most"} one of ${members}. ${prose.of(choice)}`.trim();
}

/** The keywords that ask for one member of each required oneof. One that may be left out stays with its words. */
export function requireChoices(choices: readonly DescOneof[]): Schema {
  const alternatives = choices
    .filter(isRequired)
    .map(({ fields }) => ({ oneOf: fields.map(({ jsonName }) => ({ required: [jsonName] })) }));
  const [first, ...more] = alternatives;
  return more.length > 0 ? { allOf: alternatives } : (first ?? {});
}

function isRequired(choice: DescOneof): boolean {
  return getOption(choice, oneof).required;
}
