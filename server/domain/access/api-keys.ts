import { timingSafeEqual } from "node:crypto";
import { LRUCache } from "lru-cache";
import { Fault } from "../../base/fault.ts";
import type { Secret } from "../../base/secret.ts";
import type { RowCache } from "../../store/cache/row-cache.ts";
import { type ApiKeyRow, keepUses } from "../../store/queries/access.ts";
import { ApiKey } from "../../store/schema/api-key.entity.ts";
import type { EntityManager, Store } from "../../store/store.ts";
import type { Permission, Role } from "../call/permissions.ts";
import type { Caller } from "../call/scope.ts";
import { makeApiKey, parseApiKey } from "./api-key-format.ts";
import { permissionsOf } from "./grant.ts";
import type { Limits } from "./limits.ts";

/** How many API keys are held in memory, and as many uses of them are noted. */
const MAX_HELD = 10_000;

/** What an API key proves, and until when. */
interface HeldKey {
  readonly digest: Buffer;
  readonly endsAt: number;
  readonly caller: Caller;
}

/** The API keys that callers come with. */
export class ApiKeys {
  readonly #store: Store;
  readonly #limits: Limits;
  readonly #uses: ApiKeyUses;
  readonly #held: RowCache<HeldKey>;

  constructor({ store, limits, uses }: { store: Store; limits: Limits; uses: ApiKeyUses }) {
    this.#store = store;
    this.#limits = limits;
    this.#uses = uses;
    this.#held = store.cache("api_key", { max: MAX_HELD });
  }

  /**
   * Who an API key belongs to. Every reason to refuse one gives the same answer. An address with too many keys that nobody
   * has is not answered from the database for a while; keys that are known go on.
   */
  async authenticate(text: string | undefined, address: string): Promise<Caller> {
    const parsed = text === undefined ? undefined : parseApiKey(text);
    const held = parsed && (await this.#held.get(parsed.id, () => this.#load(parsed.id, address)));
    if (!parsed || !held || !timingSafeEqual(parsed.digest, held.digest) || held.endsAt <= Date.now()) {
      if (parsed) await this.#limits.countGuess(address);
      throw refused();
    }
    this.#uses.note(parsed.id);
    return held.caller;
  }

  /** To be called when a change of an API key is committed. */
  forget(id: string): void {
    this.#held.forget(id);
  }

  /** Refuses to go on with a call that lasts, once its key is no longer what it was when the call began, or its token ended. */
  async requireUnchanged({ apiKeyId, permissions, tokenEndsAt = Number.POSITIVE_INFINITY }: Caller): Promise<void> {
    if (apiKeyId === "") {
      if (tokenEndsAt > Date.now()) return;
      throw new Fault("API_KEY_REFUSED", "the token has expired; call again with a new one");
    }
    const held = await this.#held.get(apiKeyId, () => this.#read(apiKeyId));
    const mayTheSame = held?.caller.permissions.symmetricDifference(permissions).size === 0;
    if (held && mayTheSame && held.endsAt > Date.now()) return;
    throw new Fault("API_KEY_REFUSED", "the API key was revoked, has expired or may do something else now; call again");
  }

  async #load(id: string, address: string): Promise<HeldKey | undefined> {
    this.#limits.refuseGuessing(address);
    return this.#read(id);
  }

  async #read(id: string): Promise<HeldKey | undefined> {
    const row = await this.#store.hot.apiKey(id);
    return row && { digest: row.digest, endsAt: row.endsAt, caller: callerWith(id, row) };
  }
}

/** The one answer to whoever is not known, whatever they came with. */
export function refused(cause?: unknown): Fault {
  return new Fault(
    "API_KEY_REFUSED",
    "an API key is needed, in the header `authorization: Bearer pb_…` or `x-api-key: pb_…`, or a token of the issuer " +
      "that the operator named, and it must be valid",
    {},
    cause,
  );
}

/** A new key for an account; only its digest is stored. */
export function addApiKey(
  em: EntityManager,
  {
    accountId,
    role,
    displayName,
    scopes = [],
    expiresAt = null,
    key = makeApiKey(),
  }: {
    accountId: string;
    role: Role;
    displayName: string;
    scopes?: readonly Permission[];
    expiresAt?: Date | null;
    key?: Secret;
  },
): { stored: ApiKey; key: Secret } {
  const parsed = parseApiKey(key.reveal());
  if (!parsed) throw new Error("not an API key of ours");
  const stored = em.create(ApiKey, {
    id: parsed.id,
    account: accountId,
    displayName,
    role,
    scopes: [...scopes],
    digest: parsed.digest,
    expiresAt,
    revokedAt: null,
  });
  return { stored, key };
}

function callerWith(apiKeyId: string, row: ApiKeyRow): Caller {
  const { accountId, endsAt } = row;
  // The columns hold nothing else: what goes in is checked by the contract.
  const role = row.role as Role;
  const scopes = row.scopes as readonly Permission[];
  return {
    accountId,
    apiKeyId,
    role,
    permissions: permissionsOf({ role, scopes }),
    isScoped: scopes.length > 0,
    ...(endsAt === Number.POSITIVE_INFINITY ? {} : { endsAt }),
  };
}

/** A key's use is written down at most this often. */
const PRECISION_MS = 60_000;
const WRITE_EVERY_MS = 5_000;

/** When API keys were last used: noted in memory by the calls, which never wait for it, and written for many at once. */
export class ApiKeyUses {
  readonly #store: Store;
  readonly #onWarning: (message: string) => void;
  readonly #noted = new LRUCache<string, true>({ max: MAX_HELD, ttl: PRECISION_MS });
  readonly #timer: NodeJS.Timeout;
  #waiting = new Map<string, number>();
  #hasNoted = false;

  constructor({ store, onWarning }: { store: Store; onWarning: (message: string) => void }) {
    this.#store = store;
    this.#onWarning = onWarning;
    this.#timer = setInterval(() => void this.write(), WRITE_EVERY_MS).unref();
  }

  note(apiKeyId: string): void {
    if (this.#noted.has(apiKeyId)) return;
    this.#noted.set(apiKeyId, true);
    this.#waiting.set(apiKeyId, Date.now());
    if (this.#hasNoted) return;
    // The first key of all is replaced at the next start unless its use is known by then.
    this.#hasNoted = true;
    void this.write();
  }

  /** Writes what has been noted. What cannot be written is left: the next use of the same key is noted again. */
  async write(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const uses = this.#waiting;
    this.#waiting = new Map();
    try {
      await keepUses(this.#store.fork(), uses);
    } catch {
      for (const id of uses.keys()) this.#noted.delete(id);
      this.#onWarning("when API keys were last used could not be written");
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.write();
  }
}
