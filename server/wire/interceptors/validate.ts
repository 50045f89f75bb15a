import type { DescMessage, Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import type { Interceptor } from "@connectrpc/connect";
import { Fault, invalidField } from "../../base/fault.ts";
import { findFlaw } from "./flaw.ts";

/** Throws for what a message holds that cannot be stored, and unless it keeps the rules that its fields declare. */
export type Check = (type: DescMessage, message: Message) => void;

export function createCheck(): Check {
  const validator = createValidator();
  return (type, message) => {
    const flaw = findFlaw(type, message);
    if (flaw) throw invalidField(flaw.field, flaw.description);
    const { violations, error } = validator.validate(type, message);
    if (!error) return;
    if (!violations) throw error;
    const fields = violations.map(({ field, message: description }) => ({ field: pathToString(field), description }));
    const sentence = fields
      .map(({ field, description }) => (field ? `${field}: ${description}` : description))
      .join("; ");
    throw new Fault("INVALID_REQUEST", sentence, { fields }, error);
  };
}

/** Checks every request. */
export function createValidation(check: Check): Interceptor {
  return (next) => (request) => {
    if (!request.stream) {
      check(request.method.input, request.message);
      return next(request);
    }
    return next({ ...request, message: checked(request.message, (message) => check(request.method.input, message)) });
  };
}

async function* checked<T>(messages: AsyncIterable<T>, check: (message: T) => void): AsyncGenerator<T> {
  for await (const message of messages) {
    check(message);
    yield message;
  }
}
