import { anyOf, exactly } from "./any-of.ts";

/** Codes of a place from which the endpoint may not be used. */
export const REGION_CODES = exactly(
  /unsupported_country_region_territory/i,
  /unsupported_country/i,
  /unsupported_region/i,
  /region_not_supported/i,
  /(geo|region|country|location)_?(blocked|restricted|restriction|denied|fenced)/i,
  /location_not_supported/i,
);

/** Of a place from which the endpoint, or a model, may not be used. */
export const REGION = anyOf(
  /(unavailable|restricted|blocked|forbidden|prohibited)\b[^.\n]{0,30} (in|from) (your|this|the) (current )?(country|region|territory|location|jurisdiction)/i,
  /unsupported (countr|region|territor|location)/i,
  /地区[^。\n]{0,10}(不支持|无法|限制)/i,
  /country, region,? or territory/i,
  /(country|region|territory|location|jurisdiction)[^.\n]{0,30} not (yet )?(supported|available|served|allowed|permitted|accepted)/i,
  /\bfrom your\b[^.\n]{0,20}\b(country|region|territory|location|jurisdiction)\b[^.\n]{0,20}\b(prohibited|blocked|denied|forbidden|restricted)\b/i,
  /not (yet )?(supported|available|served|offered) in the (european union|eu|eea|uk)\b/i,
  /not (supported|available|served|allowed|offered|permitted|provided) (in|from) (your|this|the) (current )?(country|region|territory|location|jurisdiction)/i,
);

/** Codes of a model that is there and not for this key. */
export const NOT_ALLOWED_CODES = exactly(
  /(key|team|user|org|project)_model_access_denied/i,
  /model_blocked/i,
  /model_not_allowed/i,
  /model_access_denied/i,
  /model\.?accessdenied/i,
  /accessdenied\.unpurchased/i,
  /model_?not_?open(ed)?/i,
  /model_permission\w*/i,
  /no_permission\w*_model/i,
  /model_terms\w*/i,
  /model_not_(in|on)_\w*/i,
  /upgrade_required/i,
  /gated_(repo|model)/i,
);

/** Of a model that is there and not for this key, plan or account. */
export const NOT_ALLOWED = anyOf(
  /access to (the )?model[^\n]{0,80}(restricted|denied|not allowed)/i,
  // The hub says of any that it does not have that it may be "a private or gated repo".
  /(?<!private or )gated (repo|model)/i,
  /not (yet )?(activated|opened|purchased|subscribed)[^.\n]{0,20}\bmodel/i,
  /(plan|tier|subscription|package)\b[^.\n]{0,30}(not|n't)( \w+)? (include|cover|allow|give)[^.\n]{0,40}\b(model|access)\b/i,
  /\bmodel\b[^.\n]{0,60}\bnot (included|covered|part|available)( \w+)? (in|by|of|on|with|under) (your|this|the current) (\w+ )?(plan|tier|subscription|package)/i,
  /((not|n't) have|no|without|lacks?) (access|permissions?)[^.\n]{0,20} (model|deployment)\b/i,
  /\bmodel\b[^.\n]{0,60}(requires?|accept\w*|agree\w*)[^.\n]{0,30}\b(terms|license|agreement|subscription|plan|tier)\b/i,
  /\b(must|needs? to|ha(s|ve) to|please|prior to)\b[^\n]{0,80}\b(accept|agree)\w*[^\n]{0,60}\b(terms|license|agreement)\b/i,
  /not allowed to (access|use|call) (the )?model/i,
  /model[^.\n]{0,80}(is not allowed|access denied|is blocked)/i,
  /(无权|(没有|无)权限)[^。\n]{0,20}模型/i,
  /data policy/i,
  /privacy (settings|policy)/i,
);

/** Codes of a key of the endpoint's own that its provider refused. */
export const PROVIDER_KEY_CODES = exactly(
  /invalid_api_key/i,
  /authentication_error/i,
  /invalid_?authentication(_error)?/i,
  /expired_?(api_?)?key/i,
  /unauthenticated/i,
  /unauthorized/i,
  /litellm\.(AuthenticationError|PermissionDeniedError)/i,
);

/** Of a key of the endpoint's own that its provider refused. */
export const PROVIDER_KEY = anyOf(
  /(incorrect|invalid|missing|expired|wrong) (\w+ ){0,2}(x-)?api[ _-]?key/i,
  /api key (not valid|expired|not found|(is |was |has been )?(missing|required|invalid|disabled|revoked|suspended|deactivated|blocked))/i,
  /access token (is |has )?(invalid|expired|revoked)/i,
);

/** Codes of a key that the endpoint refused. */
export const KEY_CODES = exactly(
  /invalid_api_key/i,
  /invalidapikey/i,
  /authentication_error/i,
  /invalid_?authentication(_error)?/i,
  /auth_error/i,
  /token_not_found_in_db/i,
  /expired_?(api_?)?key/i,
  /unauthenticated/i,
  /unauthorized/i,
  /invalid_token/i,
  // Amazon's, of a key that it does not know, that is over, or that signed something else.
  /(unrecognizedclient|invalidclienttokenid|expiredtoken|invalidsignature|signaturedoesnotmatch|missingauthenticationtoken)(exception)?/i,
);

/** Of a key that the endpoint refused. */
export const KEY = anyOf(
  /(incorrect|invalid|missing|expired|wrong) (\w+ ){0,2}(x-)?api[ _-]?key/i,
  /api key (not valid|expired|not found|(is |was |has been )?(missing|required|invalid|disabled|revoked|suspended|deactivated|blocked))/i,
  /access token (is |has )?(invalid|expired|revoked)/i,
  /security token\b[^.\n]{0,40}\b(invalid|expired)/i,
  /(missing|invalid|no) (bearer|authorization)\b/i,
  /no auth credentials/i,
  /no api key/i,
  /无效的?(令牌|密钥|api)/i,
  /login fail/i,
  /身份验证失败/i,
  /未提供令牌/i,
);

/** Of an account that is closed for whatever reason but money: no other key of it would help. */
export const CLOSED =
  /\b(account|organi[sz]ation|workspace|project|consumer|subscription|your access|api access)\b[^.\n]{0,80}\b(?<!\b(?:has|have) )(disabled|deactivated|terminated|suspended|banned|closed|locked|revoked|frozen)\b/i;
/** With which it is one of money. */
export const OF_MONEY = /balance|credit|payment|overdue|arrear|billing|recharge|invoice|quota/i;

/** Of a network that is let in, or is not. */
export const NETWORK = /firewall|network\b|subnet\w*|\bip\b|ip address\w*|vpn\b|prox(y|ies)\b/i;
