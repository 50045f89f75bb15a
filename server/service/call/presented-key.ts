import type { HandlerContext } from "@connectrpc/connect";
import { Fault } from "../../base/fault.ts";
import { whatIsNoKey } from "../../base/no-key.ts";
import { headerIn } from "./context.ts";

const KEY_HEADERS = ["x-api-key", "x-discolike-key"];
/** Where other APIs take their keys, and none is looked at here. */
const OTHER_HEADERS = ["api-key", "x-goog-api-key", "openai-api-key", "x-auth-token", "x-access-token"];
const USAGE = "send it in the header `authorization: Bearer pb_…` or `x-api-key: pb_…`";

/**
 * What a caller presents, in whichever header, to be checked in the same way. Nothing, if two headers say different things:
 * which of them is meant would be a guess, and another one here than in a proxy before us.
 */
export function presentedIn(context: HandlerContext): string | undefined {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(headerIn(context, "authorization") ?? "") ?? [];
  let presented = bearer;
  for (const name of KEY_HEADERS) {
    const said = headerIn(context, name);
    if (said !== undefined && presented !== undefined && said !== presented) return undefined;
    presented ??= said;
  }
  return presented;
}

/** The refusal of a call without a key where one belongs, which says what stands there instead. */
export function nothingPresented(context: HandlerContext): Fault {
  return new Fault(
    "API_KEY_REFUSED",
    describeHeaders((name) => headerIn(context, name)),
  );
}

function describeHeaders(header: (name: string) => string | undefined): string {
  if (KEY_HEADERS.some(header)) return `two headers have different API keys; ${USAGE}, one of them`;
  const said = header("authorization");
  const other = OTHER_HEADERS.find(header);
  if (!said && other) return `an API key is needed, and the header ${other} is not looked at; ${USAGE}`;
  if (!said) return `an API key is needed; ${USAGE}`;
  return `the header authorization has no API key where one belongs: ${describeAuthorization(said)}`;
}

function describeAuthorization(said: string): string {
  if (/^Bearer$/i.test(said)) return "nothing stands behind Bearer; is a variable of your shell empty?";
  if (/^Bearer +Bearer\b/i.test(said)) return "Bearer stands there twice; write `authorization: Bearer pb_…`";
  const [, behind = ""] = /^Bearer +(.*)$/is.exec(said) ?? [];
  const what = whatIsNoKey(behind);
  if (what !== undefined) return `what stands behind Bearer ${what}`;
  if (behind) return "more than one word stands behind Bearer; write `authorization: Bearer pb_…`";
  return "write Bearer and the key, `authorization: Bearer pb_…`";
}
