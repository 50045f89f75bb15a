import { type Invoke, plainInvoke } from "../call/invoke.ts";
import type { CallRecords } from "./call-record.ts";
import type { Check } from "./validate.ts";

/** Calls implementations with what keeps the rules only, notes what comes of every call, and translates its errors. */
export function guardedInvoke(records: CallRecords, check: Check): Invoke {
  return {
    async unary(spec, context, input) {
      try {
        check(spec.method.input, input);
        const output = await plainInvoke.unary(spec, context, input);
        records.succeeded(context);
        return output;
      } catch (error) {
        throw records.failed(context, error);
      }
    },

    stream(spec, context, input) {
      const messages = plainInvoke.stream(spec, context, input);
      let isChecked = false;
      return {
        async next() {
          try {
            if (!isChecked) check(spec.method.input, input);
            isChecked = true;
            const next = await messages.next();
            if (next.done) records.succeeded(context);
            return next;
          } catch (error) {
            throw records.failed(context, error);
          }
        },
        return: () => messages.return?.() as ReturnType<NonNullable<typeof messages.return>>,
      };
    },
  };
}
