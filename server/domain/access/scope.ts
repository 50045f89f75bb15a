import { Fault } from "../../base/fault.ts";
import type { Watch } from "../../base/watch.ts";
import type { EntityManager } from "../../store/store.ts";
import { anyOf, type OwnPermission, type Permission, type Role } from "./permissions.ts";

/** Who calls. */
export interface Caller {
  readonly accountId: string;
  readonly apiKeyId: string;
  readonly role: Role;
  readonly permissions: ReadonlySet<Permission>;
}

/** What one call brings along: who asks, a unit of work, when to give up, and who watches. Passed by hand, first. */
export interface Scope {
  readonly caller: Caller;
  readonly em: EntityManager;
  readonly signal: AbortSignal;
  /** Undefined: nobody watches. */
  readonly watch?: Watch | undefined;
}

/** Whose things the caller may reach with a permission: their own, or, undefined, everybody's. */
export function reach(scope: Scope, own: OwnPermission): string | undefined {
  return scope.caller.permissions.has(anyOf(own)) ? undefined : scope.caller.accountId;
}

/** Refuses to act for another account without the permission to. */
export function requireReach(scope: Scope, ownerId: string, own: OwnPermission): void {
  const reachable = reach(scope, own);
  if (reachable === undefined || reachable === ownerId) return;
  throw missing(anyOf(own));
}

/** The refusal of a caller whose role lacks a permission. */
export function missing(permission: Permission): Fault {
  return new Fault("PERMISSION_MISSING", `this API key does not have the permission ${permission}`, {
    metadata: { permission },
  });
}
