import type { Rule } from "./rules.ts";
import { NETWORK } from "./words/access.ts";
import { anyOf, both } from "./words/any-of.ts";

/** Who or what a sentence speaks of. */
const KEY =
  /(api|access|auth|bearer|secret|virtual|subscription)[ _-]?(keys?|tokens?|secrets?|credentials?)\b|jwt\b|(your|this|that|the|no) (key|token|secret|password|credentials?)\b(?! ['"`])|credentials?\b|signature\b|(authorization|authentication) header/i;
const MODEL = /models?\b|deployments?\b|adapters?\b|checkpoints?\b|snapshots?\b|engines?\b/i;
const ACCOUNT = /accounts?\b|organi[sz]ations?\b|projects?\b|workspaces?\b|teams?\b|users?\b|tenants?\b/i;
const SAID =
  /prompts?\b|inputs?\b|messages?\b|contents?\b|text\b|outputs?\b|completions?\b|generat\w+|topics?\b|subjects?\b|conversations?\b|responses?\b|repl(y|ies)\b|answers?\b/i;
const TEXT =
  /prompts?\b|inputs?\b|messages?\b|conversations?\b|dialog(ue)?s?\b|turns\b|chat\b|text\b|history\b|tokens?\b|sequences?\b|documents?\b/i;
const PLACE =
  /countr(y|ies)\b|regions?\b|territor(y|ies)\b|locations?\b|jurisdictions?\b|part of the world\b|where you are\b|export control|embargo\w*|sanction\w*|geo\w*|residents?\b|outside (of )?(the|our|your)\b/i;
const MONEY =
  /money\b|balance\b|credits?\b|funds?\b|wallets?\b|prepaid\b|billing\b|payments?\b|invoices?\b|card\b|subscription\b(?! plan)|trial\b|allowance\b|allotment\b|month(ly|'s)?\b|spend\w*|budgets?\b|\$ ?\d|[€£]|ow(e|ing)\b|bill\b|coins?\b|points\b|free (tokens|credits|usage)\b/i;
const ROOM =
  /slots?\b|workers?\b|gpus?\b|compute\b|pool\b|accelerators?\b|replicas?\b|instances?\b|nodes?\b|machines?\b|queue\w*|capacity\b|cluster\b|resources\b|containers?\b/i;

/** What is said of it. */
const DENIED =
  /not\b|\w{1,9}n['’]t\b|cannot\b|den(y|ies|ied)\b|block\w*|barred\b|ban\w*|refus\w*|reject\w*|restrict\w*|prohibit\w*|forbid\w*|unavailable\b|unsupported\b|dropped\b|only\b/i;
const KEY_IS_BAD =
  /invalid\b|unknown\b|wrong\b|incorrect\b|missing\b|bad\b|malformed\b|expired?\b|lapsed\b|turned off\b|disabled\b|deactivated\b|unexpected\b|no\b[^.\n]{0,20}\b(supplied|sent|given|provided|found)\b|revoked\b|rotated\b|deleted\b|rejected\b|refused\b|mismatch\w*|unrecogni[sz]ed\b|(not|\w{0,9}n['’]t|no|never|unable|fail\w*)( be| been| to| was| \w+ly)* (valid\w*|recogni[sz]\w*|verif\w*|authenticat\w*|accept\w*|match\w*|found|look|in the form|known?|exist\w*|provided|sent|given|present|set|decoded?|parsed?)/i;
const STOPPED =
  /block\w*|withh[eo]ld\w*|suppress\w*|reject\w*|refus\w*|den(y|ies|ied)\b|flag\w*|trip\w*|trigger\w*|violat\w*|breach\w*|intercept\w*|stopped\b|removed\b|halted\b|off limits\b|considered\b|deemed\b|classified\b|touch\w*|filter\w*|detect\w*|match\w*|(not|\w{0,9}n['’]t|cannot|unable)( be| to)? (forward|process|return|sent|send|help|assist|compl|allow|discuss|generat|show)\w*/i;
const SPENT =
  /left\b|(used|burn\w*) (up|through)\b|all used\b|exhaust\w*|deplet\w*|insufficient\b|(not|\w{0,9}n['’]t|no|more|any)( have)?( enough| sufficient)?\b|too low\b|out of\b|runs? out\b|ran out\b|empty\b|zero\b|negative\b|-\d|exceed\w*|reached\b|\bhit\b|finished\b|is over\b|end(ed|s)\b|expired\b|lapsed\b|renew\b|declined\b|overdue\b|unpaid\b|consumed\b|spent\b|settle\b|pay\b|r[au]n dry\b|ow(e|ing)\b|gone\b|top up|recharge\b|rejected\b/i;
const TAKEN =
  /no (free|idle|available|spare)?\b|none\b|all\b[^.\n]{0,30}\b(taken|busy|in use|occupied|allocated)|taken\b|occupied\b|in use\b|full\b|wait\w*|waking\b|asleep\b|sleep\w*|scal(e|ing)\b|spinning\b|boot\w*|starting\b|provision\w*|allocat\w*|prepar\w*|too (many|long)\b|exceed\w*|exhaust\w*|not enough\b|short\b|become free\b/i;
const ARRIVING =
  /(being|still|currently|is|are) (\w+ )?(fetch|download|pull|cop[iy]|transferr|deploy|provision|build|start|initiali[sz]|prepar|load|warm|spun|spinn|boot|wak|scal)\w*|(boot|start|load|deployment|download|warm-?up)\w* in progress\b|scaling (from zero|up)\b|waking up\b|spinning up\b|not (yet )?(ready|warm|up)\b/i;

/** Of safety, whatever is refused for it. */
const SAFETY =
  /safety\b|unsafe\b|forbidden\b|sensitive\b|moderat\w*|guard ?rails?\b|acceptable use|risk control|(our|usage|use) (rules|guidelines?|polic(y|ies)|terms)\b|community (rules|standards)|content (rules|polic\w+|guidelines?)|dlp\b|denied topics?\b|trust (and|&) safety|safeguards?\b|harm\w*|illegal\b|weapons?\b|violen\w+|sexual\w*|hate\w*|abus\w+|toxic\w*|explicit\b|copyright\w*|pii\b|personal (data|information)|malicious\b|jailbr\w+|injection\b/i;
/** An attempt to get round what a model was told. */
const BYPASS = both(
  /bypass\w*|circumvent\w*|overrid\w+|subvert\w*|extract\w*|get around/,
  /instructions?\b|safeguards?\b|system prompt\b|safety\b|restrictions?\b|rules\b/,
);

/** Not in this time. */
const LATE = anyOf(
  /took (too long|longer)\b/i,
  /(no|not|\w{0,9}n['’]t)\b[^.\n]{0,60}\b(within|in time\b|in \d+ ?(ms|s|sec\w*|min\w*)\b|before the deadline)/i,
  /(exceed\w*|over|ran out of|past)\b[^.\n]{0,30}\b(time|deadline|time limit|max_?time)\b/i,
  /(gave up|gives up|aborted|cancell?ed|killed|stopped) after \d/i,
  /\btime( limit)?\b[^.\n]{0,20}\b(reached|exceeded|elapsed|is up)\b/i,
  /\d ?(s|sec|seconds?|min|minutes?) (time )?limit\b/i,
  /\b(no|not)\b[^.\n]{0,30}\b(answer|reply|response)\b[^.\n]{0,20}\bfor \d/i,
);

/** Of too many calls in a time, whatever the status is. */
const RATE = anyOf(
  /throttl\w*/i,
  /slow down\b/i,
  /\b(requests?|calls?|messages?|queries)\b[^.\n]{0,20}\b(per|a|an|each|every|in the last|in the past|within|in) (\d+ )?(second|minute|hour|day|s|min|h)s?\b/i,
  /too (many|frequent|quick|fast)\w*\b[^.\n]{0,20}\b(requests?|calls?|queries|messages)\b/i,
  /\b(parallel|simultaneous|concurrent|in-flight) (requests?|calls?|generations?|jobs?|streams?|connections?|sessions?)\b/i,
  /\brequest rate\b|\b[rq]ps\b|\b[rt]pm\b/i,
  /\b(request|call) burst\b|\bburst (limit|rate|size)\b/i,
);

/** Of a model to which there is a way that this account has not gone. */
const GATED = anyOf(
  /wait-?list\b/i,
  /(limited|private|gated|closed|early|invite-only) (preview|beta|access|availability)\b/i,
  /\b(upgrade|subscribe|switch)\b[^.\n]{0,40}\b(plan|tier|pro|plus|team|enterprise|account)\b[^.\n]{0,20}\b(to|for|before)\b[^.\n]{0,20}\b(use|us(e|ing)|access|call|unlock|try)/i,
  /may only (call|use|access)\b/i,
  both(
    /(model|it)\b/,
    /(not|\w{0,9}n['’]t)( yet)?( been)? (granted|entitled|authori[sz]ed|permitted|approved|enabled|allow-?listed|whitelisted)/,
  ),
  both(MODEL, /polic(y|ies) (block|den|forbid|prohibit|restrict|disallow)\w*/),
  both(
    /(enable|activate|request|turn on|apply for|ask for|get)\b/,
    /(this|the|that) model\b[^.\n]{0,60}\b(before|first|in the|console|workspace|account|settings)|access to\b[^.\n]{0,20}\bmodel/,
  ),
  both(
    ACCOUNT,
    /must be (verified|approved)|(not|\w{0,9}n['’]t)( been)? (allowed|permitted|authori[sz]ed|entitled|approved|verified|granted)\b/,
  ),
  /(available|open|offered|reserved|restricted|limited) (only )?(to|for)\b[^.\n]{0,40}\b(customers?|users|members?|subscribers?|plans?|tiers?|accounts|organi[sz]ations|partners?)\b/i,
  both(/allow-?list\b|whitelist\b/, DENIED),
  /(not|n['’]t) (part of|included in|covered by) (your|the|this) (contract|plan|package|agreement|licen[cs]e)\b/i,
  /\bgrant\b[^.\n]{0,40}\baccess to\b/i,
  both(ACCOUNT, /(has|have) (disabled|blocked|turned off|switched off)\b/),
);

/** Of a model that nobody has, or has no more. */
const ABSENT = anyOf(
  both(
    MODEL,
    /(not|\w{0,9}n['’]t|cannot|unable to|no one|nobody)( \w+ly| be)? (know|recogni[sz]e|have|host|serve|carry|offer|locate|find|found|match|register|mapped|configure|deploy|exist|map)\w*/,
  ),
  both(
    MODEL,
    /no such\b|unknown\b|unrecogni[sz]ed\b|nonexistent\b|missing from\b|is missing\b|(not|\w{0,9}n['’]t) (one of|among|in)\b|by the name\b/,
  ),
  both(/no (model|deployment|adapter|checkpoint|engine)s?\b/, /named|called|name|alias|behind|for|with|match\w*/),
  both(
    /end of life|eol\b|sunset\b|switched off\b|left service\b|taken (down|offline)\b|phased out\b|withdrawn\b|no longer\b[^.\n]{0,20}\b(offered|hosted|callable|online|active)|(ca\w{0,9}n['’]t|cannot) be called\b/,
    /models?\b|[a-z]+-\d\S*|snapshot\b|version\b/,
  ),
  /\bonly \S+( (and|or) \S+)*( is| are)? (allowed|served|available|supported)( now)?, (your|the requested) model\b/i,
  /模型[^。\n]{0,8}(不存在|未找到|无效)/i,
  /repository not found/i,
  /\b(nobody|no one|no-one|nothing|none)\b[^.\n]{0,20}\b(serves?|hosts?|offers?)\b/i,
  /(not|n['’]t) in (our|the|this) (catalog(ue)?|registry|library|line-?up|model list)\b/i,
  /\bno model ['"`]?\w/i,
);

/** Of more text than there may be. */
const TOO_MUCH = anyOf(
  both(
    TEXT,
    /too (much|long|large|big|many)\b|(bigger|longer|larger|more) than\b[^.\n]{0,40}\b(window|context|model|limit|fits?|can (read|take|handle|hold))\b|no longer fits?\b|(cannot|can['’]t) (be )?(squeez|fit|pack|held|hold)\w*|overflow\w*|surpass\w*|outgr[eo]w\w*|grown? (past|beyond|too)\b|cut\b[^.\n]{0,20}\bdown\b|exceed\w*[^.\n]{0,20}\b(tokens?|window|length|memory)\b|超长/,
  ),
);

const IN_PLACE_OF_A_REPLY = 200;

/**
 * From what a sentence says of what to what it means, for words that nobody listed: a rule holds where a sentence speaks of a
 * thing and says of it what is a refusal. They come behind all that is known better, a part of the request that is named
 * included, and before what the status alone tells. What several could be said to mean goes to whatever is named most exactly.
 */
export const SENSES: readonly Rule[] = [
  { kind: "region-refused", status: [400, 401, 403, 451], words: both(PLACE, DENIED), unless: /\bmodels?\b|\bkey\b/i },
  {
    kind: "region-refused",
    status: [400, 401, 403, 451],
    words:
      /\b(requests?|traffic|calls|access|connections?) (originating |coming |made |sent )?from\b[^.\n]{0,40}\b(not|n't|block\w*|barred|denied|forbidden)\b/i,
  },
  { kind: "region-refused", codes: /^(geo|country|region)_?(block|den|restrict|forbid|not_allow)\w*$/i },
  { kind: "region-refused", status: [401, 403], words: NETWORK, also: DENIED, unless: /\bkey\b/i },
  {
    kind: "context-too-long",
    status: [400, 413, 422],
    words: /\btokens?\b|\bcontext\b|seq_?len/i,
    isOverflow: true,
    unless: /per[ _-]?(minute|day|hour|month)|\bmax_((completion|output|new)_)?tokens|(output|completion|new) tokens/i,
  },
  {
    kind: "context-too-long",
    status: [400, 413, 422, 500],
    words: TOO_MUCH,
    unless:
      /\bper\b|\brate\b|quota|output|completion|image|file|\btools?\b|max_\w*tokens|too many (requests|messages)|\barray\b|\b(items|elements)\b/i,
  },
  { kind: "content-refused", status: [IN_PLACE_OF_A_REPLY, 400, 403, 422, 451], words: BYPASS },
  {
    kind: "content-refused",
    status: [IN_PLACE_OF_A_REPLY, 400, 403, 422, 451],
    words: anyOf(both(STOPPED, SAFETY)),
    also: anyOf(SAID, /requests?\b/),
    unless: /\bmodels? (is|are|was)\b/i,
  },
  { kind: "content-refused", status: [400, 403, 422], codes: /(^|_)(aup|policy|safety|toxicity|pii)(_|$)/i },
  {
    kind: "rate-limited",
    status: [IN_PLACE_OF_A_REPLY, 400, 403, 429, 503],
    words: RATE,
    unless: /images?\b|files?\b|\btools?\b/i,
  },
  {
    kind: "quota-exhausted",
    status: [IN_PLACE_OF_A_REPLY, 400, 401, 402, 403, 412, 429],
    words: both(MONEY, SPENT),
    unless: /\bmodels?\b|\bper (second|minute|hour|day)\b|invalid|thinking|budget_tokens/i,
  },
  {
    kind: "quota-exhausted",
    status: [403, 429],
    words: /\b(units|tokens|allocation|package)\b[^.\n]{0,30}\b(used up|all used|exhausted|gone)\b/i,
  },
  { kind: "model-not-allowed", status: [400, 401, 402, 403, 404], words: GATED },
  {
    kind: "model-not-found",
    status: [400, 404, 410, 422, 500],
    words: ABSENT,
    unless: /\btools?\b|\bimage|\bparameter|\bfield\b|\bsetting/i,
  },
  {
    kind: "model-not-found",
    status: [400, 404, 500, 503],
    words:
      /\bno (provider|backend|node|worker|server|host)s?\b[^.\n]{0,20}(?<!to )\b(hosts?|serves?|offers?|carr(y|ies))\b/i,
  },
  {
    kind: "key-refused",
    status: [IN_PLACE_OF_A_REPLY, 400, 401, 403, 500],
    words: both(KEY, KEY_IS_BAD),
    unless: /\b(tool|function|json|cache|sort|object|field|parameter|property|thinking|block|database)\b/i,
  },
  {
    kind: "busy",
    status: [IN_PLACE_OF_A_REPLY, 429, 500, 502, 503, 529],
    words: both(ROOM, TAKEN),
    unless: /maintenance|crash|error|healthy/i,
  },
  {
    kind: "busy",
    status: [IN_PLACE_OF_A_REPLY, 500, 502, 503, 529],
    words: ARRIVING,
    unless: /maintenance|fail\w*|error/i,
  },
  {
    kind: "busy",
    status: [IN_PLACE_OF_A_REPLY, 429, 500, 502, 503, 529],
    words: /\b(in line|in the queue|ahead of you|queue position|position in (the )?queue)\b/i,
  },
  {
    kind: "busy",
    status: [429],
    words: /\b(system|server|service|we|engine)\b[^.\n]{0,20}\b(busy|overloaded|overwhelmed)\b/i,
  },
  { kind: "timeout", status: [IN_PLACE_OF_A_REPLY, 499, 500, 502, 503], words: LATE },
  // What a code or a status says when no word does: whoever may not do something may have the wrong key.
  { kind: "key-refused", codes: /^permission_(error|denied)$/i },
  { kind: "key-refused", status: [401] },
  { kind: "rate-limited", status: [429] },
];
