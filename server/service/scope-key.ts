import { Code, ConnectError, createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Scope } from "../domain/access/scope.ts";

const scopeKey = createContextKey<Scope | undefined>(undefined, { description: "who calls, set by admission" });

/** Attaches the scope of an admitted call. */
export function setScope(context: HandlerContext, scope: Scope): void {
  context.values.set(scopeKey, scope);
}

/** The scope of a call that was admitted. */
export function scopeOf(context: HandlerContext): Scope {
  const scope = context.values.get(scopeKey);
  if (!scope) throw new ConnectError(`${context.method.name} was called without admission`, Code.Internal);
  return scope;
}
