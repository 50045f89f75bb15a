import type { ConnectError } from "@connectrpc/connect";
import { type BadRequest, BadRequestSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { isCallError, retold, UsageError } from "../failure.ts";

/** What whoever typed a field of a request calls it, by its path; undefined: as the contract does. */
export type NameOf = (path: string) => string | undefined;

/** A field that the contract does not have, or not like this; found before anything is sent. */
export class FieldError extends UsageError {
  readonly field: string;
  readonly description: string;

  constructor(field: string, description: string, cause?: unknown) {
    super(`${field}: ${description}`, { cause });
    this.field = field;
    this.description = description;
  }
}

/** Whether a path is that of a field, or leads into it: `tiers[0].targets` into `tiers`. */
export function isWithin(path: string, field: string): boolean {
  return path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`);
}

/** Names of fields from a table of them, with what leads into them. */
export function namesFrom(names: Readonly<Record<string, string>>): NameOf {
  const fields = Object.entries(names);
  return (path) => fields.find(([field]) => isWithin(path, field))?.[1];
}

/** The same error, with what was typed in place of the contract's names of fields. */
export function inWordsOf(nameOf: NameOf | undefined, error: unknown): unknown {
  if (!nameOf) return error;
  if (error instanceof FieldError) {
    const { field, description, cause } = error;
    return new FieldError(nameOf(field) ?? field, mention(nameOf, description), cause);
  }
  if (!isCallError(error)) return error;
  const [badRequest] = error.findDetails(BadRequestSchema);
  return badRequest ? renamed(error, badRequest, nameOf) : error;
}

/** Does something whose errors speak of fields. */
export async function inWords<T>(nameOf: NameOf | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw inWordsOf(nameOf, error);
  }
}

function renamed(error: ConnectError, { fieldViolations }: BadRequest, nameOf: NameOf): ConnectError {
  const violations = fieldViolations.map(({ field, description }) => ({
    field: nameOf(field) ?? field,
    description: mention(nameOf, description),
  }));
  let message = error.rawMessage;
  // The longest first: one may be the beginning of another.
  for (const { field } of fieldViolations.toSorted((a, b) => b.field.length - a.field.length)) {
    const name = nameOf(field);
    if (name) message = message.replace(startOf(field), (_, before: string) => `${before}${name}:`);
  }
  const others = error.details.filter(
    (detail) => ("type" in detail ? detail.type : detail.desc.typeName) !== BadRequestSchema.typeName,
  );
  const details = [...others, { desc: BadRequestSchema, value: { fieldViolations: violations } }];
  return retold(error, mention(nameOf, message), details);
}

/** Where a sentence, or one of several, begins with the field that it is about. */
function startOf(field: string): RegExp {
  return new RegExp(`(^|; )${RegExp.escape(field)}:`);
}

/** Options in place of fields that a sentence speaks of by the way: only what can be nothing but a field. */
function mention(nameOf: NameOf, sentence: string): string {
  return sentence.replace(/`?(?<![.\]\w])([a-z]+[A-Z]\w*)(?![.[\w])`?/g, (written, field: string) => {
    const name = nameOf(field);
    return name?.startsWith("--") && !name.includes(" ") ? name : written;
  });
}
