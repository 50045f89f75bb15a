import { type DescEnum, type DescField, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence as FieldPresence } from "@bufbuild/protobuf/wkt";
import * as validate from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { FieldBehavior, field_behavior } from "../../../gen/google/api/field_behavior_pb.ts";
import { is_secret, takes_back } from "../../../gen/patchbay/v1/options_pb.ts";
import { type ValueType, valueTypeOf } from "../../../server/wire/call/fields.ts";
import { containerKeywords, enumKeywords, valueKeywords } from "./constraints.ts";
import type { Directions } from "./directions.ts";
import { choicesOf, describeChoice, requireChoices } from "./oneof-schema.ts";
import type { Schema } from "./open-api.ts";
import type { Prose } from "./prose.ts";
import type { Requirements } from "./requirements.ts";
import { ownFormSchema, scalarSchema } from "./value-schema.ts";

/** What schemas are made from. */
export interface SchemaSources {
  /** Its types go by their short names, all others by their full ones. */
  readonly mainPackage: string;
  readonly prose: Prose;
  readonly directions: Pick<Directions, "isSent" | "isAnswered">;
  readonly requirements: Requirements;
}

const NO_FIELDS: ReadonlySet<DescField> = new Set();

/** The schemas of messages and enums: a component for each that something refers to. */
export class Schemas {
  readonly #sources: SchemaSources;
  readonly #components = new Map<string, Schema>();

  constructor(sources: SchemaSources) {
    this.#sources = sources;
  }

  /** All that was referred to so far, by name. */
  get components(): Readonly<Record<string, Schema>> {
    return Object.fromEntries([...this.#components].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** A message, or what is left of it without some of its fields. */
  message(desc: DescMessage, without = NO_FIELDS): Schema {
    const ownForm = ownFormSchema(desc);
    if (ownForm) return ownForm;
    const omitted = [...without].map(({ jsonName }) => jsonName.replace(/^./, (first) => first.toUpperCase()));
    const name = this.#nameOf(desc) + (omitted.length > 0 ? `Without${omitted.join("And")}` : "");
    return this.#refer(name, () => this.#describeMessage(desc, without));
  }

  /** A field: its value or values, what is asked of them, and what the contract says about it. */
  field(field: DescField): Schema {
    const description = this.#sources.prose.of(field);
    return {
      ...this.#values(field),
      ...(description && { description }),
      ...this.#access(field),
      ...(field.deprecated && { deprecated: true }),
    };
  }

  /** Whether no request can do without a field. */
  isRequired(field: DescField): boolean {
    return this.#sources.requirements.fieldsOf(field.parent).has(field);
  }

  #values(field: DescField): Schema {
    const rules = hasOption(field, validate.field) ? getOption(field, validate.field) : undefined;
    const whole = rules ? containerKeywords(rules) : {};
    const type = valueTypeOf(field);
    if (field.fieldKind === "list") {
      const items = rules?.type.case === "repeated" ? rules.type.value.items : undefined;
      return { type: "array", items: this.#value(type, items), ...whole };
    }
    if (field.fieldKind === "map") {
      const values = rules?.type.case === "map" ? rules.type.value.values : undefined;
      return { type: "object", additionalProperties: this.#value(type, values), ...whole };
    }
    return this.#value(type, rules);
  }

  #value(type: ValueType, rules: validate.FieldRules | undefined): Schema {
    const keywords = rules ? valueKeywords(rules) : {};
    switch (type.kind) {
      case "scalar":
        return { ...scalarSchema(type.scalar), ...keywords };
      case "message":
        return { ...this.message(type.message), ...keywords };
      case "enum": {
        const nameOf = (number: number) => sayableValues(type.enum).find((value) => value.number === number)?.name;
        const keywords = rules ? enumKeywords(rules, nameOf) : {};
        // Some of the values are a type of their own: a reference with other values beside it is no code that compiles.
        return "enum" in keywords ? { type: "string", ...keywords } : { ...this.#enum(type.enum), ...keywords };
      }
    }
  }

  #access(field: DescField): Schema {
    const behaviors = getOption(field, field_behavior);
    const isSecret = getOption(field, is_secret);
    const isSent = this.#sources.directions.isSent(field.parent);
    return {
      ...(behaviors.includes(FieldBehavior.OUTPUT_ONLY) && { readOnly: true }),
      ...(((isSecret && isSent) || behaviors.includes(FieldBehavior.INPUT_ONLY)) && { writeOnly: true }),
      ...(isSecret && field.fieldKind === "scalar" && { format: "password" }),
    };
  }

  #describeMessage(desc: DescMessage, without: ReadonlySet<DescField>): Schema {
    const { prose, directions } = this.#sources;
    const fields = desc.fields.filter((field) => !without.has(field));
    const required = fields.filter((field) => this.#isAlwaysThere(field)).map(({ jsonName }) => jsonName);
    const choices = choicesOf(desc);
    const description = [
      prose.of(desc),
      ...choices.map((choice) => describeChoice(choice, prose)),
      ...getOption(desc, validate.message).cel.map(({ message }) => `Rule: ${prose.reword(message)}.`),
    ].filter((text) => text !== "");
    return {
      type: "object",
      ...(description.length > 0 && { description: description.join("\n\n") }),
      properties: Object.fromEntries(fields.map((field) => [field.jsonName, this.field(field)])),
      ...(required.length > 0 && { required }),
      ...requireChoices(choices),
      // Callers must not misspell a field, but may send back what they got; the server may answer more than callers know.
      ...(!directions.isAnswered(desc) && !hasOption(desc, takes_back) && { additionalProperties: false }),
    };
  }

  /** In a request, what the rules ask for; in an answer, what proto JSON cannot leave out. */
  #isAlwaysThere(field: DescField): boolean {
    if (this.#sources.directions.isSent(field.parent)) return this.isRequired(field);
    return field.presence !== FieldPresence.EXPLICIT;
  }

  #enum(desc: DescEnum): Schema {
    if (desc.typeName === "google.protobuf.NullValue") return { type: "null" };
    return this.#refer(this.#nameOf(desc), () => {
      const { prose } = this.#sources;
      const values = sayableValues(desc);
      const meanings = values.map((value) => [`- \`${value.name}\``, prose.of(value)].filter(Boolean).join(": "));
      return {
        type: "string",
        description: [prose.of(desc), meanings.join("\n")].filter(Boolean).join("\n\n"),
        enum: values.map(({ name }) => name),
      };
    });
  }

  #refer(name: string, describe: () => Schema): Schema {
    if (!this.#components.has(name)) {
      // First the place, so that a message may hold itself.
      this.#components.set(name, {});
      this.#components.set(name, describe());
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #nameOf({ typeName }: DescMessage | DescEnum): string {
    const prefix = `${this.#sources.mainPackage}.`;
    return typeName.startsWith(prefix) ? typeName.slice(prefix.length) : typeName;
  }
}

/** The values that somebody says: not the zero that proto3 needs for what was not said. */
function sayableValues({ values }: DescEnum) {
  return values.filter(({ number, name }) => number !== 0 || !name.endsWith("UNSPECIFIED"));
}
