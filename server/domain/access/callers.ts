import { type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { RowCache } from "../../store/cache/row-cache.ts";
import type { AccountRow } from "../../store/queries/prepared-reads.ts";
import type { Store } from "../../store/store.ts";
import { type HeldLimits, type HolderLimits, limitsAnything } from "../call/holder-limits.ts";
import { ROLES, type Role } from "../call/permissions.ts";
import type { Caller } from "../call/scope.ts";
import { type ApiKeys, refused } from "./api-keys.ts";
import { permissionsByName } from "./grant.ts";
import { readTokenLimits, subjectLimitsId } from "./token-limits.ts";

/** Tells who calls: by an API key of ours, or by a token of the operator's issuer. */
export class Callers {
  readonly #keys: ApiKeys;
  readonly #tokens: IdTokens | undefined;

  /** Without tokens, only API keys are taken. */
  constructor({ keys, tokens }: { keys: ApiKeys; tokens: IdTokens | undefined }) {
    this.#keys = keys;
    this.#tokens = tokens;
  }

  /** By whatever a caller came with, undefined for nothing, from an address. */
  identify(text: string | undefined, address: string): Promise<Caller> {
    if (this.#tokens && text !== undefined && IdTokens.hasForm(text)) return this.#tokens.authenticate(text);
    return this.#keys.authenticate(text, address);
  }
}

/** Which tokens are taken, and what they say of whoever shows them. */
export interface IdTokenRules {
  readonly issuer: string;
  readonly audience: string;
  /** The claim with the id of the account to act for. */
  readonly accountClaim: string;
  /** The claim with the role: a word, or a list with one word that is a role of ours. */
  readonly roleClaim: string;
  /** The claim with what the person may take, in the JSON of the contract. */
  readonly limitsClaim: string;
  /** What persons may take whose tokens do not have that claim. */
  readonly defaultLimits: HolderLimits;
}

const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"];
const CLOCK_TOLERANCE_S = 30;
/** However late a token says that it expires. */
const OLDEST_TOKEN = "24 hours";
const MAX_HELD = 10_000;
const LONGEST_SUBJECT = 255;
const FORM = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The tokens (JWTs) of the one issuer that the operator named. */
export class IdTokens {
  readonly #rules: IdTokenRules;
  readonly #keys: JWTVerifyGetKey;
  readonly #store: Store;
  readonly #accounts: RowCache<AccountRow>;

  constructor({ rules, keys, store }: { rules: IdTokenRules; keys: JWTVerifyGetKey; store: Store }) {
    this.#rules = rules;
    this.#keys = keys;
    this.#store = store;
    this.#accounts = store.cache("account", { max: MAX_HELD, clearedBy: ["holder_limits"] });
  }

  /** Whether a text has the form of a token, whatever is in it. */
  static hasForm(text: string): boolean {
    return FORM.test(text);
  }

  /**
   * Who shows a token. The account that it names must be there: none is made for a token's sake, as whoever may write
   * claims could then make any number. Every reason to refuse a token gives the same answer.
   */
  async authenticate(text: string): Promise<Caller> {
    const { sub: subject = "", exp = 0, ...claims } = await this.#verify(text);
    const accountId = accountIn(claims[this.#rules.accountClaim]);
    const role = roleIn(claims[this.#rules.roleClaim]);
    if (!accountId || !role || subject === "" || subject.length > LONGEST_SUBJECT) throw refused();
    const account = await this.#accounts.get(accountId, () => this.#store.hot.account(accountId));
    if (!account) throw refused();
    const tokenEndsAt = (exp + CLOCK_TOLERANCE_S) * 1_000;
    const limits = this.#limitsOf(subject, account, claims[this.#rules.limitsClaim]);
    const permissions = permissionsByName(ROLES[role], limits);
    return { accountId, apiKeyId: "", subject, role, permissions, tokenEndsAt, ...(limits && { limits }) };
  }

  /** What limits a person: what their token says or else the operator, and what limits the account. */
  #limitsOf(subject: string, account: AccountRow, claim: unknown): readonly HeldLimits[] | undefined {
    const own = claim === undefined ? this.#rules.defaultLimits : limitsIn(claim);
    if (!limitsAnything(own)) return account.limits;
    const { id: accountId, contact, limits = [] } = account;
    const id = subjectLimitsId(accountId, subject);
    return [{ ...own, id, kind: "SUBJECT", holderId: subject, accountId, contact }, ...limits];
  }

  async #verify(text: string): Promise<JWTPayload> {
    const { issuer, audience } = this.#rules;
    try {
      const { payload } = await jwtVerify(text, this.#keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ["sub", "exp"],
        maxTokenAge: OLDEST_TOKEN,
        clockTolerance: CLOCK_TOLERANCE_S,
      });
      return payload;
    } catch (error) {
      // What the issuer's keys failed with is told to the operator where they are fetched.
      throw refused(error);
    }
  }
}

function accountIn(claim: unknown): string | undefined {
  return typeof claim === "string" && UUID.test(claim) ? claim.toLowerCase() : undefined;
}

/** A claim that cannot be read would limit nobody. */
function limitsIn(claim: unknown): HolderLimits {
  try {
    return readTokenLimits(claim);
  } catch (error) {
    throw refused(error);
  }
}

/** Of several roles none is chosen: that would be a guess. */
function roleIn(claim: unknown): Role | undefined {
  const words = (Array.isArray(claim) ? claim : [claim]).filter((word) => typeof word === "string");
  const roles = [...new Set(words)].filter((word): word is Role => Object.hasOwn(ROLES, word));
  return roles.length === 1 ? roles[0] : undefined;
}
