import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from "jose";

const CACHED_MS = 10 * 60_000;
const COOLDOWN_MS = 30_000;
const TIMEOUT_MS = 5_000;
/** As long as tokens commonly live: an issuer that is away longer has none left whose holders could be shut out. */
const KEPT_WITHOUT_ISSUER_MS = 60 * 60_000;

/** How long keys are taken for current, and how soon they are asked for again; tests shorten it. */
export interface KeyTimes {
  readonly cachedMs: number;
  readonly cooldownMs: number;
  readonly keptWithoutIssuerMs: number;
}

export interface IssuerKeysOptions {
  /** The key set as the issuer publishes it. */
  readonly fetchKeys: (signal: AbortSignal) => Promise<string>;
  /** Is told when the issuer's keys begin to fail to come, and when they come again (undefined). */
  readonly onChange: (problem: unknown) => void;
  readonly times?: Partial<KeyTimes>;
}

/**
 * The keys that an issuer signs with. A token with an unknown key has them asked for again, once in a cooldown, however
 * many such tokens come; and while the issuer does not answer, the keys that it last gave go on for an hour.
 */
export function issuerKeys({ fetchKeys, onChange, times }: IssuerKeysOptions): JWTVerifyGetKey {
  const { cachedMs, cooldownMs, keptWithoutIssuerMs } = {
    cachedMs: CACHED_MS,
    cooldownMs: COOLDOWN_MS,
    keptWithoutIssuerMs: KEPT_WITHOUT_ISSUER_MS,
    ...times,
  };
  let last: { text: string; at: number } | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;

  const fetchOrKeep = async (_: string, { signal }: { signal: AbortSignal }): Promise<Response> => {
    if (Date.now() - failedAt >= cooldownMs) {
      try {
        const text = await fetchKeys(signal);
        JSON.parse(text);
        last = { text, at: Date.now() };
        if (failure !== undefined) onChange(undefined);
        failure = undefined;
        return new Response(text);
      } catch (error) {
        if (failure === undefined) onChange(error);
        failure = error;
        failedAt = Date.now();
      }
    }
    if (last && Date.now() - last.at < keptWithoutIssuerMs) return new Response(last.text);
    throw failure;
  };
  // The address is the egress's matter: jose only hands it on.
  return createRemoteJWKSet(new URL("https://issuer.invalid/"), {
    cacheMaxAge: cachedMs,
    cooldownDuration: cooldownMs,
    timeoutDuration: TIMEOUT_MS,
    [customFetch]: fetchOrKeep,
  });
}
