import { timingSafeEqual } from "node:crypto";
import { Fault } from "../../base/fault.ts";
import type { Secret } from "../../base/secret.ts";
import { ApiKey } from "../../store/api-key.entity.ts";
import type { ApiKeyRow } from "../../store/api-key-queries.ts";
import type { RowCache } from "../../store/row-cache.ts";
import type { EntityManager, Store } from "../../store/store.ts";
import { makeApiKey, parseApiKey } from "./api-key-format.ts";
import type { Limits } from "./limits.ts";
import { ROLES, type Role } from "./permissions.ts";
import type { Caller } from "./scope.ts";

/** How many API keys are held in memory. */
const MOST_HELD = 10_000;

/** The API keys that callers come with. */
export class ApiKeys {
  readonly #store: Store;
  readonly #limits: Limits;
  readonly #held: RowCache<ApiKeyRow>;

  constructor({ store, limits }: { store: Store; limits: Limits }) {
    this.#store = store;
    this.#limits = limits;
    this.#held = store.cache("api_key", { max: MOST_HELD });
  }

  /**
   * Who an API key belongs to. Every reason to refuse one gives the same answer. An address with too many keys that nobody
   * has is not answered from the database for a while; keys that are known go on.
   */
  async authenticate(text: string | undefined, address: string): Promise<Caller> {
    const parsed = text === undefined ? undefined : parseApiKey(text);
    const stored = parsed && (await this.#held.get(parsed.id, () => this.#find(parsed.id, address)));
    if (!parsed || !stored || !timingSafeEqual(parsed.digest, stored.digest) || stored.endsAt <= Date.now()) {
      if (parsed) await this.#limits.countGuess(address);
      throw new Fault(
        "API_KEY_REFUSED",
        "an API key is needed, in the header `authorization: Bearer pb_…` or `x-api-key: pb_…`, and it must be valid",
      );
    }
    const role = stored.role as Role;
    return { accountId: stored.accountId, apiKeyId: parsed.id, role, permissions: ROLES[role] };
  }

  #find(id: string, address: string): Promise<ApiKeyRow | undefined> {
    this.#limits.refuseGuessing(address);
    return this.#store.hot.apiKey(id);
  }
}

/** A new key for an account; only its digest is stored. */
export function addApiKey(
  em: EntityManager,
  {
    accountId,
    role,
    displayName,
    key = makeApiKey(),
  }: { accountId: string; role: Role; displayName: string; key?: Secret },
): Secret {
  const parsed = parseApiKey(key.reveal());
  if (!parsed) throw new Error("not an API key of ours");
  em.create(ApiKey, {
    id: parsed.id,
    account: accountId,
    displayName,
    role,
    digest: parsed.digest,
    expiresAt: null,
    revokedAt: null,
  });
  return key;
}
