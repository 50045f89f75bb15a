import { Fault } from "../../base/fault.ts";
import { excessOf, type HeldLimits, type HolderLimits, isModelLimited } from "../call/holder-limits.ts";
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

/**
 * Whoever could do these would make a name that they may use stand for something else, or read of what they may not use: the
 * audit log and budgets are about all that there is.
 */
const NOT_BY_NAME = /^(CREATE|UPDATE|DELETE|SET_DEFAULT|ROTATE)_(LLM|ROUTE)_|_PROVIDER_|_AUDIT_EVENT_|_BUDGET_/;

/** What is left of permissions to who may use some names only: they test and use what is named, and change nothing of it. */
export function permissionsByName(
  permissions: ReadonlySet<Permission>,
  limits: Caller["limits"],
): ReadonlySet<Permission> {
  if (!isModelLimited({ limits })) return permissions;
  return new Set([...permissions].filter((permission) => !NOT_BY_NAME.test(permission)));
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
  // Whatever such a caller makes is limited to the same names.
  const granted = permissionsByName(permissionsOf(grant), caller.limits);
  const excess = [...granted].find((permission) => !covers(caller, permission, grant.accountId));
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

/** The limits that hold for a caller for themselves, and not only as one of an account. */
export function ownLimitsOf({ limits = [] }: Caller): Caller["limits"] {
  return limits.filter(({ kind }) => kind !== "ACCOUNT");
}

/** The limits by whose budget a caller is held, other than those of an account that they could change; undefined for none. */
export function budgetOver(caller: Caller): HeldLimits | undefined {
  const mayChangeAccounts = caller.permissions.has("UPDATE_ACCOUNT_ANY") && !ownLimitsOf(caller)?.length;
  return caller.limits?.find(({ kind, budget }) => budget !== undefined && !(kind === "ACCOUNT" && mayChangeAccounts));
}

/** Refuses limits that are wider than those of the caller; what is left out is limited by the caller's anyway. */
export function requireNarrower(caller: Caller, asked: HolderLimits): void {
  for (const held of ownLimitsOf(caller) ?? []) {
    const excess = excessOf(asked, held);
    if (!excess) continue;
    throw new Fault("API_KEY_EXCEEDS_CALLER", `${excess.field}: ${excess.description}`, {
      fields: [excess],
      metadata: { limit: excess.field.replace(/^limits\./, "") },
    });
  }
}

/** The limits that the API keys that a caller may see lie within; undefined for any: only who may use some names only is kept to them. */
export function keysSeenBy(caller: Caller): string | undefined {
  const own = ownLimitsOf(caller);
  return isModelLimited({ limits: own }) ? own?.[0]?.id : undefined;
}

/** Refuses to touch an API key that takes from others than the caller: whoever is limited would get around it by that. */
export function requireTakenFrom(caller: Caller, chain: readonly string[]): void {
  const missed = ownLimitsOf(caller)?.find(({ id }) => !chain.includes(id));
  if (!missed) return;
  throw new Fault(
    "API_KEY_EXCEEDS_CALLER",
    "the key is not within the limits of the caller, which it would escape from",
  );
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
