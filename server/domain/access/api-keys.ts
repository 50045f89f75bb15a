import { timingSafeEqual } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { LRUCache } from "lru-cache";
import { Fault } from "../../base/fault.ts";
import { whatIsNoKey } from "../../base/no-key.ts";
import type { Secret } from "../../base/secret.ts";
import type { RowCache } from "../../store/cache/row-cache.ts";
import { type ApiKeyRow, findImportedKey, hasImportedKeys, IMPORTED, keepUses } from "../../store/queries/access.ts";
import { ApiKey } from "../../store/schema/api-key.entity.ts";
import type { EntityManager, Store } from "../../store/store.ts";
import { allowedNames } from "../call/holder-limits.ts";
import type { Permission, Role } from "../call/permissions.ts";
import type { Caller } from "../call/scope.ts";
import { importedDigest, makeApiKey, parseApiKey } from "./api-key-format.ts";
import { permissionsByName, permissionsOf } from "./grant.ts";
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
  readonly #imports: RowCache<{ readonly exist: boolean }>;
  /** The ids of keys that were brought along, by their digests; neither ever changes. */
  readonly #imported = new LRUCache<string, string>({ max: MAX_HELD });

  constructor({ store, limits, uses }: { store: Store; limits: Limits; uses: ApiKeyUses }) {
    this.#store = store;
    this.#limits = limits;
    this.#uses = uses;
    this.#held = store.cache("api_key", { max: MAX_HELD, clearedBy: ["holder_limits"] });
    this.#imports = store.cache("api_key", { max: 1 });
  }

  /**
   * Who an API key belongs to. Every reason to refuse one gives the same answer, but for what the text alone shows. An address
   * with too many keys that nobody has is not answered from the database for a while; keys that are known go on.
   */
  async authenticate(text: string | undefined, address: string): Promise<Caller> {
    const own = text === undefined ? undefined : parseApiKey(text);
    const parsed = text === undefined ? undefined : (own ?? (await this.#parseImported(text, address)));
    const held = parsed && (await this.#held.get(parsed.id, () => this.#load(parsed.id, address)));
    if (!parsed || !held || !timingSafeEqual(parsed.digest, held.digest) || held.endsAt <= Date.now()) {
      if (parsed) await this.#limits.countGuess(address);
      throw (text !== undefined && !own && unlikeKey(text)) || refused();
    }
    this.#uses.note(parsed.id);
    return held.caller;
  }

  /** To be called when a change of an API key is committed. */
  forget(id: string): void {
    this.#held.forget(id);
  }

  /** To be called when a change of limits is committed: other keys may be within them. */
  forgetAll(): void {
    this.#held.clear();
  }

  /** To be called when it is committed that a secret was brought along. */
  forgetImports(): void {
    this.#imports.clear();
  }

  /** Refuses to go on with a call that lasts, once its key is no longer what it was when the call began, or its token ended. */
  async requireUnchanged(caller: Caller): Promise<void> {
    const { apiKeyId, permissions, tokenEndsAt = Number.POSITIVE_INFINITY } = caller;
    if (apiKeyId === "") {
      if (tokenEndsAt > Date.now()) return;
      throw new Fault("API_KEY_REFUSED", "the token has expired; call again with a new one");
    }
    const held = await this.#held.get(apiKeyId, () => this.#read(apiKeyId));
    // Mostly it is what it was, the very object.
    const mayTheSame =
      held?.caller === caller ||
      (held?.caller.permissions.symmetricDifference(permissions).size === 0 &&
        isDeepStrictEqual(allowedNames(held.caller), allowedNames(caller)));
    if (held && mayTheSame && held.endsAt > Date.now()) return;
    throw new Fault("API_KEY_REFUSED", "the API key was revoked, has expired or may do something else now; call again");
  }

  /** The key that a text is which was not made here. Where none was brought along, the database is not asked about it. */
  async #parseImported(text: string, address: string): Promise<{ id: string; digest: Buffer } | undefined> {
    const digest = importedDigest(text);
    if (!digest) return undefined;
    const { rows } = this.#store;
    const imports = await this.#imports.get(IMPORTED, () => hasImportedKeys(rows));
    if (!imports?.exist) return undefined;
    const name = digest.toString("base64");
    const known = this.#imported.get(name);
    if (known) return { id: known, digest };
    this.#limits.refuseGuessing(address);
    const id = await findImportedKey(rows, digest);
    if (id) this.#imported.set(name, id);
    else await this.#limits.countGuess(address);
    return id === undefined ? undefined : { id, digest };
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
      "that the operator named, and it must be valid: it may be of another server, revoked or expired; whoever runs this " +
      "server makes a new one by `new-key`",
    {},
    cause,
  );
}

/** The refusal of a text that can be seen to be no key of ours, by what it is; undefined where it may be one. */
function unlikeKey(text: string): Fault | undefined {
  const what = describeUnlikeKey(text);
  return what === undefined ? undefined : new Fault("API_KEY_REFUSED", `the API key ${what}`);
}

function describeUnlikeKey(text: string): string | undefined {
  if (/^["'`].*["'`]$/.test(text)) return "stands between quotes, which are taken as a part of it: leave them out";
  if (/^bearer\s/i.test(text))
    return "begins with Bearer, which belongs into the header authorization only: leave it out here";
  if (text.startsWith("pb_")) return "is not whole, or misspelt: copy all of it, from pb_ to its last letter";
  const what = whatIsNoKey(text);
  if (what !== undefined) return what;
  if (!/^(sk|pk|gsk|xai|hf|AIza)[-_A-Z]/.test(text)) return undefined;
  return "is not known here, and begins as those of vendors do: send one of this server, pb_…; vendors' keys go into Llms";
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
    limitsId = null,
    imported,
    key = makeApiKey(),
  }: {
    accountId: string;
    role: Role;
    displayName: string;
    scopes?: readonly Permission[];
    expiresAt?: Date | null;
    /** What its holder may take; null for anything. */
    limitsId?: string | null;
    /** The digest of a secret that was brought along, in the place of the key's own. */
    imported?: Buffer | undefined;
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
    digest: imported ?? parsed.digest,
    isImported: imported !== undefined,
    limits: limitsId,
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
    permissions: permissionsByName(permissionsOf({ role, scopes }), row.limits),
    isScoped: scopes.length > 0,
    ...(row.limits === undefined ? {} : { limits: row.limits }),
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
