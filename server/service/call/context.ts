import { Code, ConnectError, type ContextValues, createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Watch } from "../../base/watch.ts";
import type { Caller, Scope } from "../../domain/call/scope.ts";

const scopeKey = createContextKey<Scope | undefined>(undefined, { description: "who calls, set by admission" });
const callerKey = createContextKey<Caller | undefined>(undefined, { description: "whose key it is, known first" });
const watchKey = createContextKey<Watch | undefined>(undefined, { description: "who watches, set by the wire" });

const countedKey = createContextKey(false, { description: "whether it was counted as a call of a model" });
const addressKey = createContextKey("", { description: "where a call comes from, set by the wire" });

const headersKey = createContextKey<SaidHeaders | undefined>(undefined, {
  description: "as they came, set by the wire",
});

/** The headers of a request as Node has them, by their names in small letters. */
type SaidHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Says what a call came with. */
export function setHeaders(values: ContextValues, headers: SaidHeaders): void {
  values.set(headersKey, headers);
}

/** A header of a call, by its name in small letters; undefined without one. Headers as such are not made for it. */
export function headerIn(context: HandlerContext, name: string): string | undefined {
  const headers = context.values.get(headersKey);
  if (!headers) return context.requestHeader.get(name) ?? undefined;
  const said = headers[name];
  return typeof said === "string" ? said.trim() : said?.map((text) => text.trim()).join(", ");
}

/** The names of the headers of a call, in small letters. */
export function headerNamesIn(context: HandlerContext): Iterable<string> {
  const headers = context.values.get(headersKey);
  return headers ? Object.keys(headers) : context.requestHeader.keys();
}

/** Attaches the scope of an admitted call. */
export function setScope(context: Pick<HandlerContext, "values">, scope: Scope): void {
  context.values.set(scopeKey, scope);
}

/** The scope of a call that was admitted. */
export function scopeOf(context: Pick<HandlerContext, "values" | "method">): Scope {
  const scope = context.values.get(scopeKey);
  if (!scope) throw new ConnectError(`${context.method.name} was called without admission`, Code.Internal);
  return scope;
}

/** Says whose key a call came with, before it is known whether they may make it. */
export function setCaller(context: HandlerContext, caller: Caller): void {
  context.values.set(callerKey, caller);
}

/** Whose key a call came with; undefined when it has none that is valid, or needs none. */
export function callerOf(values: ContextValues): Caller | undefined {
  return values.get(callerKey);
}

/** Whether a call is counted for the first time: what it calls from within is a part of it. */
export function isFirstOf({ values }: Pick<HandlerContext, "values">): boolean {
  if (values.get(countedKey)) return false;
  values.set(countedKey, true);
  return true;
}

/** Has the calls of endpoints that are made for a call watched. */
export function setWatch(values: ContextValues, watch: Watch): void {
  values.set(watchKey, watch);
}

/** Who watches a call. */
export function watchOf(context: HandlerContext): Watch | undefined {
  return context.values.get(watchKey);
}

/** Says where a call comes from. */
export function setAddress(values: ContextValues, address: string): void {
  values.set(addressKey, address);
}

/** Where a call comes from, by its IP address; of IPv6, the network. */
export function addressOf(values: ContextValues): string {
  return values.get(addressKey);
}
