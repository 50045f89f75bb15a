import type { DescMessage } from "@bufbuild/protobuf";
import { hasOwnForm, valueTypeOf } from "../../../server/wire/call/fields.ts";
import type { Binding } from "../../../server/wire/rest/binding.ts";

/** Which messages callers send and which the server answers, as such or inside others; some are both. */
export class Directions {
  readonly #sent = new Set<DescMessage>();
  readonly #answered = new Set<DescMessage>();

  constructor(bindings: readonly Binding[]) {
    for (const { spec } of bindings) {
      addWithFields(this.#sent, spec.method.input);
      addWithFields(this.#answered, spec.method.output);
    }
  }

  isSent(desc: DescMessage): boolean {
    return this.#sent.has(desc);
  }

  isAnswered(desc: DescMessage): boolean {
    return this.#answered.has(desc);
  }
}

function addWithFields(reached: Set<DescMessage>, desc: DescMessage): void {
  if (reached.has(desc) || hasOwnForm(desc)) return;
  reached.add(desc);
  for (const field of desc.fields) {
    const type = valueTypeOf(field);
    if (type.kind === "message") addWithFields(reached, type.message);
  }
}
