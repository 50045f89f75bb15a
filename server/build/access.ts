import { Accounts } from "../domain/access/accounts.ts";
import { ApiKeyUses } from "../domain/access/api-key-uses.ts";
import { ApiKeys } from "../domain/access/api-keys.ts";
import { Callers } from "../domain/access/callers.ts";
import { IdTokens } from "../domain/access/id-tokens.ts";
import { IssuedKeys } from "../domain/access/issued-keys.ts";
import { issuerKeys } from "../domain/access/issuer-keys.ts";
import type { Limits } from "../domain/access/limits.ts";
import type { Store } from "../store/store.ts";
import { OidcIssuer } from "../upstream/oidc-issuer.ts";
import { type Opening, warner } from "./opening.ts";
import type { Storage } from "./storage.ts";

/** Who calls, by API key or by token, and what keys and accounts there are. */
export function openAccess(opening: Opening, { store, vault }: Storage, limits: Limits) {
  const uses = new ApiKeyUses({ store, onWarning: warner(opening) });
  opening.closers.push(() => uses.close());
  const keys = new ApiKeys({ store, limits, uses });
  const callers = new Callers({ keys, tokens: openIdTokens(opening, store) });
  return { callers, keys, accounts: new Accounts({ vault }), issuedKeys: new IssuedKeys({ vault, keys }) };
}

function openIdTokens({ config, log, closers }: Opening, store: Store): IdTokens | undefined {
  if (!config.oidc) return undefined;
  const issuer = new OidcIssuer(config.oidc);
  closers.push(() => issuer.close());
  const keys = issuerKeys({
    fetchKeys: (signal) => issuer.keys(signal),
    onChange: (problem) => {
      if (problem)
        log.warn({ err: problem }, "the keys of OIDC_ISSUER cannot be read; the last ones go on for an hour");
      else log.info({}, "the keys of OIDC_ISSUER can be read again");
    },
  });
  return new IdTokens({ rules: config.oidc, keys, store });
}
