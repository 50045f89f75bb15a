import type { Facts } from "../../base/fault.ts";

/**
 * What an error may say at most, in bytes. gRPC sends message and details in headers, the details as base64 and with the
 * message in them; the C core (Python, C++, Ruby, PHP) may drop a call whose headers are more than 8 KiB, which all of
 * this stays below.
 */
const MAX_MESSAGE_BYTES = 1_600;
/** A byte that is no plain character takes three in a header. */
const MAX_ENCODED_MESSAGE_BYTES = 2_400;
const MAX_METADATA_BYTES = 900;
const MAX_METADATA_VALUE_BYTES = 600;
const MAX_FIELDS_BYTES = 1_000;
const MAX_FIELD_BYTES = 200;
const MAX_DESCRIPTION_BYTES = 300;

/** A message that fits into a header; what is cut off ends with an ellipsis. */
export function fitMessage(message: string): string {
  // What connect says of a request repeats its names, and half a character cannot be sent in a header.
  const text = message.toWellFormed();
  const fits = cut(text, MAX_MESSAGE_BYTES);
  return encodedBytes(fits) <= MAX_ENCODED_MESSAGE_BYTES ? fits : cut(fits, MAX_ENCODED_MESSAGE_BYTES / 3);
}

/** Facts that fit into a header, and into the messages that they are sent in. Of fields that do not, the metadata says how many there are, as `moreFields`. */
export function fitFacts({ metadata = {}, fields = [], retryAfterMs }: Facts): Facts {
  const fitting = takeWhileFit(
    fields.map(({ field, description }) => ({
      field: cut(field.toWellFormed(), MAX_FIELD_BYTES),
      description: cut(description.toWellFormed(), MAX_DESCRIPTION_BYTES),
    })),
    MAX_FIELDS_BYTES,
    ({ field, description }) => bytesOf(field) + bytesOf(description) + 10,
  );
  const entries = takeWhileFit(
    Object.entries(metadata).map(
      ([name, value]) => [name, cut(value.toWellFormed(), MAX_METADATA_VALUE_BYTES)] as const,
    ),
    MAX_METADATA_BYTES,
    ([name, value]) => bytesOf(name) + bytesOf(value) + 10,
  );
  const more = fields.length - fitting.length;
  return {
    metadata: Object.fromEntries(more > 0 ? [...entries, ["moreFields", String(more)]] : entries),
    fields: fitting,
    // A Duration has whole nanoseconds, and nobody comes again too soon.
    ...(retryAfterMs === undefined ? {} : { retryAfterMs: Math.ceil(retryAfterMs) }),
  };
}

function takeWhileFit<Item>(items: readonly Item[], limit: number, sizeOf: (item: Item) => number): Item[] {
  let total = 0;
  return items.filter((item) => {
    total += sizeOf(item);
    return total <= limit;
  });
}

function cut(text: string, limit: number): string {
  // Each UTF-16 unit is at most three bytes.
  if (text.length * 3 <= limit || bytesOf(text) <= limit) return text;
  let end = 0;
  let bytes = bytesOf("…");
  for (const character of text) {
    bytes += bytesOf(character);
    if (bytes > limit) break;
    end += character.length;
  }
  return `${text.slice(0, end)}…`;
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}

/** The length of a grpc-message: all but visible ASCII is percent-encoded, and so is the percent sign. */
function encodedBytes(text: string): number {
  const plain = text.match(/[ -$&-~]/g)?.length ?? 0;
  return plain + (bytesOf(text) - plain) * 3;
}
