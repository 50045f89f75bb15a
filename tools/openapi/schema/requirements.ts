import { create, type DescField, type DescMessage, type Registry } from "@bufbuild/protobuf";
import { createValidator, type Validator, type Violation } from "@bufbuild/protovalidate";

/**
 * What a request cannot do without: whatever the rules of the contract miss in an empty message. Asked of the validator
 * itself, so that no rule is read twice.
 */
export class Requirements {
  readonly #validator: Validator;

  constructor(registry: Registry) {
    this.#validator = createValidator({ registry });
  }

  /** The fields that must be there. */
  fieldsOf(desc: DescMessage): ReadonlySet<DescField> {
    const missing = this.#missing(desc).flatMap(({ field: [first, ...deeper] }) => {
      if (deeper.length > 0) return [];
      if (first?.kind === "field") return [first];
      return first?.kind === "oneof" && first.fields.length === 1 ? first.fields : [];
    });
    return new Set(missing);
  }

  /** Whether anything beside these fields must be there. */
  needsMoreThan(desc: DescMessage, fields: ReadonlySet<DescField>): boolean {
    return this.#missing(desc).some(({ field: [first] }) => first?.kind !== "field" || !fields.has(first));
  }

  #missing(desc: DescMessage): Violation[] {
    const { error, violations } = this.#validator.validate(desc, create(desc));
    if (error && !violations) throw error;
    return violations ?? [];
  }
}
