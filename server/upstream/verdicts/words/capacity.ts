import { anyOf, exactly } from "./any-of.ts";

/** Codes of money or of a quota that is used up. */
export const QUOTA_CODES = anyOf(
  /\b(insufficient|exceeded|exhausted|overdue)_?([a-z]+_)?(quota|balance|credits?|funds)/i,
  /overdue/i,
  /arrear/i,
  /^trial_\w+$/i,
  exactly(
    /insufficient_quota/i,
    /insufficient_(user_)?(balance|credits?|funds)/i,
    /quota_exceeded/i,
    /billing_\w+/i,
    /budget_exceeded/i,
    /exceeded_current_quota_error/i,
    /arrearage/i,
    /allocationquota\.\w+/i,
    /payment_required/i,
    /out_of_credits?/i,
    /credit_balance_too_low/i,
    /usage_limit_(exceeded|reached)/i,
    /litellm\.BudgetExceededError/i,
  ),
);

/** Of money or of a quota that is used up, which waiting for a minute does not mend. */
export const QUOTA = anyOf(
  /exceeded your current quota/i,
  /(not|n't) (have )?(enough|sufficient)\b[^.\n]{0,12} (credit|balance|fund|quota)/i,
  /(purchase|buy|add|top up)\b[^.\n]{0,15} credits/i,
  /key limit exceeded/i,
  /\btrial\b[^.\n]{0,20}(expired|ended|is over|exhausted|come to an end)/i,
  /payment method/i,
  /\b(valid|requires?|add|no|without|missing) (an? )?(valid )?(credit|debit|bank|payment) card\b(?! number)|\bcard on file\b/i,
  /out of [^.\n]{0,20}quota/i,
  /included credits/i,
  /(reached|exceeded|hit)\b[^.\n]{0,30} limit\b[^.\n]{0,20}\b(plan|tier|subscription)\b/i,
  /insufficient (\w+ )?(balance|credits?|funds|quota)/i,
  /\b(allotment|allowance|allocation)\b[^.\n]{0,30}\b(consumed|used|exhausted|depleted|spent|reached)\b/i,
  /(reached|exceeded|hit)\b[^.\n]{0,20}\bset\b[^.\n]{0,20} limit\b/i,
  /(plan|subscription)\b[^.\n]{0,30}\b(expired|(has|is) ended|inactive|is over)/i,
  /(balance|wallet) (is )?(too low|insufficient|not enough|exhausted|negative|zero|empty)/i,
  /\bcredits? (are |is |have been |has been )?(exhausted|depleted|used up|spent)\b/i,
  /(negative|no) balance/i,
  /\btop.?up\b/i,
  /(out of|no|not enough|more|any) credits/i,
  /\b((used|use) up|consumed|depleted|ran out of|run out of|exhausted (your|the|all))\b[^.\n]{0,40}\b(allocation|allowance|quota|balance|budget|credits?|neurons|units)\b/i,
  /upgrade to\b[^.\n]{0,40}\bpaid\b[^.\n]{0,10}\b(plan|tier|account)/i,
  /(\/|per|a) month\b/i,
  /\b(daily|weekly|monthly)\b(?! (api )?(requests?|calls?)\b)[^.\n]{0,20}\b(limit|quota|allowance|usage|allocation|cap)\b/i,
  /余额/i,
  /欠费/i,
  /充值/i,
  /续费/i,
  /套餐[^。\n]{0,10}(到期|过期|用尽|用完)/i,
  /(额度|用量|余量|业务量|次数)[^。\n]{0,4}(不足|已用|超)/i,
  /budget (has been )?exceeded/i,
  /exceed\w* [^.\n]{0,20}budget/i,
  /budget\b[^.\n]{0,30}\b(spent|exhausted|used up)\b/i,
  /payment required/i,
  /in arrears/i,
  /\bunpaid\b/i,
  /\bpast due\b/i,
  /overdue (balance|payment|bill|invoice)/i,
  /(account|balance|payment|bill|invoice)s?\b[^.\n]{0,30}\boverdue/i,
  /(spend(ing)?|usage) (limit|cap)/i,
  /account[^.\n]{0,20}good standing/i,
);

/** Of an account that is empty, in words that are of nothing else, whatever status they come with. */
export const NO_MONEY = /\b(insufficient|not enough) (account )?(balance|credits?|funds)\b|余额不足|欠费/i;

/** Codes of a model or a server that has too much to do, or is still being loaded. */
export const BUSY_CODES = exactly(
  /all_deployments_in_cooldown/i,
  /model_loading/i,
  /loading/i,
  /server_busy/i,
  /queue_\w+/i,
  /\w*capacity_(exceeded|exhausted)/i,
  /model_(cold|starting|warming\w*)/i,
  /ModelNotReady(Exception)?/i,
);

/** Of a model or a server that has too much to do. */
export const BUSY = anyOf(
  /\bin cooldown/i,
  /no deployments available/i,
  /maximum pending requests/i,
  /(queue|server) is full/i,
  /exceed\w*[^.\n]{0,40}\bqueue\b/i,
  /\bqueue\b[^.\n]{0,20}\bexceed/i,
  /capacity\b[^.\n]{0,20}\b(exceeded|exhausted|reached|full|limits?)/i,
  /\b(no|at|over|out of|exceed\w*|insufficient|limited) (\w+ )?capacity/i,
  /(high|heavy) (traffic|demand|load)/i,
  /too many (pending|queued|concurrent)/i,
  /(server|service) (is )?(too )?busy/i,
  /warming up/i,
  /cold start/i,
  /\bis cold\b/i,
  /will be (loaded|ready|available) (soon|shortly)/i,
  /(being|still|currently) (\w+ )?(download|pull|deploy|provision|build|start)(ed|ing)\b/i,
  /(model|deployment|endpoint|replica|instance|engine)[^.\n]{0,40}(not (yet )?ready|still (building|starting|deploying|initiali[sz]ing)|is (starting|sleeping|initiali[sz]ing|scaling))/i,
  /(负载|访问量)[^。\n]{0,8}(饱和|过高|过大)/i,
  /繁忙/i,
  /拥挤/i,
  /拥堵/i,
  /排队/i,
  /过载/i,
);

/** Codes of too many calls in a time. */
export const RATE_CODES = exactly(
  /rate_limit\w*/i,
  /ratelimit\w*/i,
  /too_many_requests/i,
  /throttling.*/i,
  /requests_limit\w*/i,
  /resource_exhausted/i,
  /ServiceQuotaExceededException/i,
  /litellm\.RateLimitError/i,
);
