import { Fault } from "../../base/fault.ts";
import { anyOf, isOwn, type Permission, ROLES, type Role } from "../call/permissions.ts";
import type { Caller } from "../call/scope.ts";

/** What an API key gives to whoever holds it. */
export interface Grant {
  readonly accountId: string;
  readonly role: Role;
  /** A part of what the role may do; empty for all of it, whatever the role comes to mean. */
  readonly scopes: readonly Permission[];
  /** When it ends, in milliseconds since 1970; infinity for never. */
  readonly endsAt: number;
}

/** All that a role may do, as far as the scopes leave it. */
export function permissionsOf({ role, scopes }: Pick<Grant, "role" | "scopes">): ReadonlySet<Permission> {
  return scopes.length === 0 ? ROLES[role] : ROLES[role].intersection(new Set(scopes));
}

/**
 * Refuses a grant that exceeds what the caller holds. It is the permissions that are compared, and not the names of roles:
 * what is allowed to one's own account is nothing that a key of another account may be given.
 */
export function requireWithin(caller: Caller, grant: Grant): void {
  const excess = [...permissionsOf(grant)].find((permission) => !covers(caller, permission, grant.accountId));
  if (excess !== undefined) {
    throw new Fault("API_KEY_EXCEEDS_CALLER", `the key may do what the caller may not in that account: ${excess}`, {
      metadata: { permission: excess },
    });
  }
  const endsAt = caller.endsAt ?? Number.POSITIVE_INFINITY;
  if (grant.endsAt > endsAt) {
    const message = `the key would work longer than the one that the caller comes with, which ends at ${endsAt}`;
    throw new Fault("API_KEY_EXCEEDS_CALLER", message, { metadata: { expiresAt: String(endsAt) } });
  }
}

/**
 * The scopes of a key that is to be made. Left out by a caller who has scopes, they are spelled out: what a role is given
 * later must not reach anybody by way of somebody who was not given it.
 */
export function scopesFor(caller: Caller, role: Role, asked: readonly Permission[]): readonly Permission[] {
  return asked.length === 0 && caller.isScoped ? [...ROLES[role]] : asked;
}

function covers({ accountId, permissions }: Caller, permission: Permission, grantedTo: string): boolean {
  if (!isOwn(permission)) return permissions.has(permission);
  return permissions.has(anyOf(permission)) || (accountId === grantedTo && permissions.has(permission));
}
