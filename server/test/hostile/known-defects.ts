/** What is wrong today, by the name that its tests have; they are found by it. */
export type Defect =
  | "what cannot be read is an internal error once the deadline has passed"
  | "text that PostgreSQL cannot store is an internal error or an outage"
  | "an infinite number in clientConfig is stored, and then an internal error"
  | "a refusal with half a character is never sent"
  | "a body that never ends outlives the deadline"
  | "a timeout over the limit overflows a timer";

/**
 * The allow-list: complaints about these are not counted, and their tests are expected to fail. Take a name out as soon
 * as it is mended; its tests demand it.
 */
export const KNOWN_DEFECTS: readonly Defect[] = [
  "what cannot be read is an internal error once the deadline has passed",
  "text that PostgreSQL cannot store is an internal error or an outage",
  "an infinite number in clientConfig is stored, and then an internal error",
  "a refusal with half a character is never sent",
  "a body that never ends outlives the deadline",
  "a timeout over the limit overflows a timer",
];

/** How defects show among what is complained of, as `shape: complaint`, and in the log. */
const SIGNS: Partial<Record<Defect, RegExp>> = {
  "what cannot be read is an internal error once the deadline has passed":
    /^(connect|grpc|grpc-web) .*: (status 500|grpc-status 13) .*(parse( |%20)binary|decompress)/i,
  "text that PostgreSQL cannot store is an internal error or an outage":
    /: says that the database is away$|: (status 500|grpc-status 13) .*internal( |%20)error(;|%3b)|"code":"(22P02|22P05|08P01)"/i,
  "an infinite number in clientConfig is stored, and then an internal error":
    /cannot be NaN or Infinity|: status 500 \{"error":.*"message":"internal error","details"/,
  "a refusal with half a character is never sent":
    /^grpc(-web)? json .*: it hangs$|^handler for rpc .* URIError: URI malformed|^ {4}at /,
  "a timeout over the limit overflows a timer":
    /TimeoutOverflowWarning|^Timeout duration was set to 1|^\(Use `node --trace-warnings/,
};

/** Whether a complaint is about a defect that is known. */
export function isKnown(complaint: string): boolean {
  return KNOWN_DEFECTS.some((defect) => SIGNS[defect]?.test(complaint));
}
