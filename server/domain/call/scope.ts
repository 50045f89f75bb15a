import { Fault } from "../../base/fault.ts";
import type { Watch } from "../../base/watch.ts";
import type { EntityManager } from "../../store/store.ts";
import type { HeldLimits } from "./holder-limits.ts";
import { anyOf, type OwnPermission, type Permission, type Role } from "./permissions.ts";

/** Who calls. */
export interface Caller {
  readonly accountId: string;
  /** Empty if they came with a token. */
  readonly apiKeyId: string;
  /** Who they are by the word of the issuer of their token; undefined if they came with an API key. */
  readonly subject?: string;
  readonly role: Role;
  readonly permissions: ReadonlySet<Permission>;
  /** Whether these are a choice of what the role may do, rather than all of it. */
  readonly isScoped?: boolean;
  /** When their API key ends, in milliseconds since 1970; undefined for never. No key they make works longer. */
  readonly endsAt?: number;
  /** When the token that they came with is taken no longer, in milliseconds since 1970; undefined if it is no token. */
  readonly tokenEndsAt?: number;
  /** What limits them: their own limits first, then those that these are within, then the account's; undefined for nothing. */
  readonly limits?: readonly HeldLimits[] | undefined;
}

/** Whose use is counted together: that of an API key, or of whoever a token is for. */
export function holderOf({ apiKeyId, subject }: Caller): string {
  return apiKeyId || `sub ${subject}`;
}

/** What one call brings along: who asks, a unit of work, when to give up, and who watches. Passed by hand, first. */
export interface Scope {
  readonly caller: Caller;
  readonly em: EntityManager;
  readonly signal: AbortSignal;
  /** Whether its deadline has ended it, and not a caller who left. */
  readonly isPastDeadline?: boolean;
  /** Undefined: nobody watches. */
  readonly watch?: Watch | undefined;
  /** What is to be done once the transaction around the call is committed; undefined: there is none around it. */
  readonly afterCommit?: (() => void)[] | undefined;
}

/** What a transaction around a call has of its own. */
interface Within extends Pick<Scope, "em"> {
  readonly caller?: Caller;
  readonly afterCommit?: (() => void)[];
}

/** The same call within a transaction. A class, as a spread would leave out what a scope works out when it is asked. */
class ScopeWithin implements Scope {
  readonly caller: Caller;
  readonly em: EntityManager;
  readonly watch: Watch | undefined;
  readonly afterCommit: (() => void)[] | undefined;
  readonly #call: Scope;

  constructor(call: Scope, { em, caller = call.caller, afterCommit = call.afterCommit }: Within) {
    this.#call = call;
    this.caller = caller;
    this.em = em;
    this.watch = call.watch;
    this.afterCommit = afterCommit;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get isPastDeadline(): boolean {
    return this.#call.isPastDeadline ?? false;
  }
}

/** The scope of what a call does within a transaction. */
export function within(call: Scope, own: Within): Scope {
  return new ScopeWithin(call, own);
}

/** Does what is of use only once a change is committed: now, or when the transaction around the call is. */
export function onceCommitted({ afterCommit }: Scope, work: () => void): void {
  if (afterCommit) afterCommit.push(work);
  else work();
}

/**
 * To ask what the database has, after a write that it refused: it knows nothing of what was to be written, and is on the
 * connection of the transaction around the call, if there is one. To wait for a second one could be for ever.
 */
export function freshFork({ em }: Scope): EntityManager {
  return em.fork({ keepTransactionContext: true });
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

/** Refuses what the caller may do to nobody's things. */
export function requirePermission({ caller }: Scope, own: OwnPermission): void {
  if (!caller.permissions.has(own) && !caller.permissions.has(anyOf(own))) throw missing(own);
}

/** Refuses whoever lacks a permission. */
export function requireHeld({ caller }: Scope, permission: Permission): void {
  if (!caller.permissions.has(permission)) throw missing(permission);
}

/** The refusal of a caller whose role lacks a permission. */
export function missing(permission: Permission): Fault {
  return new Fault("PERMISSION_MISSING", `the caller does not have the permission ${permission}`, {
    metadata: { permission },
  });
}
