/** Longer paths are nobody's guess. */
const MAX_LENGTH = 200;

const OPENAI = "of OpenAI's API, chat/completions, responses, embeddings and models are served, below /v1";

/**
 * What those mean who call a path that is not here: in each row a method and a path, in lower case, and what helps. The
 * paths are those of OpenAI, LiteLLM, Ollama, Azure and Google, and what people guess.
 */
const ROWS: readonly (readonly [asked: RegExp, hint: string])[] = [
  [/^delete \/v1\/apikeys\/[^/]+$/, "POST /v1/apiKeys/{api_key_id}:revoke revokes a key"],
  [/^delete \/v1\/apikeys$/, "keys are revoked one by one, by POST /v1/apiKeys/{api_key_id}:revoke"],
  [/^delete \/v1\/providers$/, "they are deleted one by one, by DELETE /v1/providers/{name}"],
  [/^delete \/v1\/\w+$/, "they are deleted one by one, by DELETE and the path with an id"],
  [/^(put|patch) \/v1\/providers$/, "PUT /v1/providers/{name} makes or changes one"],
  [/^(put|patch) \/v1\/\w+$/, "they are changed one by one, by PATCH and the path with an id"],
  [/:(delete|remove|destroy)$/, "DELETE deletes it, at the path without the verb"],
  [/:(update|edit|change|modify|patch|set|rename)$/, "PATCH changes it, at the path without the verb"],
  [/:(get|show|read|describe)$/, "GET shows it, at the path without the verb"],
  [
    /^\w+ \/v1\/llms\/[^/]+[:/](enable|disable|activate|deactivate)$/,
    'PATCH /v1/llms/{llm_id} with {"disabled": true} or false',
  ],
  [/^\w+ \/v1\/llms\/[^/]+[:/](makedefault|set-?default|default)$/, "POST /v1/llms/{llm_id}:setDefault"],
  [/^\w+ \/v1\/llms\/[^/]+[:/](stream|chatstream|stream-chat|sse)$/, "POST /v1/llms/{llm_id}:streamChat"],
  [
    /^\w+ \/v1\/llms\/[^/]+[:/](complete|completions?|chat\/completions|generate|generatecontent|ask|messages?|invoke|run|prompt|predict)$/,
    "POST /v1/llms/{llm_id}:chat",
  ],
  [
    /^\w+ \/v1\/llms\/[^/]+[:/](usage|costs?|spend|stats)$/,
    "GET /v1/usage?llmId=ID sums what an Llm was used for, and what it cost",
  ],
  [
    /^\w+ \/v1\/llms\/[^/]+[:/](rotate|roll)-?(keys?|credentials)?$/,
    "PATCH /v1/llms/{llm_id} with `credentials` changes the key, and POST /v1/llms/{llm_id}:addPendingCredentials tries one beside it",
  ],
  [
    /^\w+ \/v1\/apikeys\/[^/]+[:/](rotate|renew|regenerate)$/,
    "POST /v1/apiKeys/{api_key_id}:roll makes the key that follows it",
  ],
  [
    /^\w+ \/v1\/models\/.+[:/](chat|streamchat|generate|completions|test)$/,
    "POST /v1/llms/{llm_id}:chat, or POST /v1/chat/completions with the name as `model`",
  ],
  [/^post \/v1\/(llms|models)\/(create|new|add)$|^\w+ \/models?\/(new|update|delete)$/, "POST /v1/llms makes an Llm"],
  [/^post \/v1\/llms\/[^/:]+$/, "PATCH /v1/llms/{llm_id} changes it, and POST /v1/llms/{llm_id}:chat chats with it"],
  [
    /^post \/v1\/llms:(test|ping|check)$|^post (\/v1)?\/test$/,
    "POST /v1/llms/{llm_id}:test, or POST /v1/llms:testConnection before there is an Llm",
  ],
  [/^get (\/v1)?\/models?\/info$/, "GET /v1/llms lists the Llms"],
  [/^(get|delete) (\/v1)?\/(keys?|tokens?)(\/.*)?$/, "GET /v1/apiKeys lists the API keys"],
  [/^\w+ (\/v1)?\/(keys?|tokens?|virtual-?keys)(\/.*)?$/, "POST /v1/apiKeys makes an API key"],
  [
    /^\w+ (\/v1)?\/(global\/)?(spend|costs?|billing|usages|stats|analytics)(\/.*)?$/,
    "GET /v1/usage sums what was used, and what it cost",
  ],
  [/^\w+ (\/v1)?\/budgets?\/(new|create)$/, "POST /v1/budgets makes a budget"],
  [/^\w+ (\/v1)?\/(me|whoami|self|profile|user)(\/info)?$/, "GET /v1/caller tells who calls"],
  [
    /^\w+ (\/v1)?\/(users?|members|teams?|orgs?|organizations?|tenants)(\/.*)?$/,
    "GET /v1/accounts lists the accounts, which own Llms and keys",
  ],
  [/^\w+ (\/v1)?\/(audit(_?log)?s?|events|activity)(\/.*)?$/, "GET /v1/auditEvents lists who did what"],
  [
    /^\w+ (\/v1)?\/(logs|requests|traces)(\/.*)?$/,
    "GET /v1/auditEvents lists changes, GET /v1/usage sums calls; prompts are not kept, but for sessions: GET /v1/sessions",
  ],
  [/^\w+ (\/v1)?\/limits$/, "limits are those of an API key or an account: GET /v1/apiKeys/{api_key_id} tells them"],
  [/^post (\/v1)?\/sessions?$/, 'a chat with {"newSession": true} begins a session: POST /v1/llms/{llm_id}:chat'],
  [/^get \/api\/tags$/, "GET /v1/models lists the models"],
  [
    /^post (\/api)?\/(chat|generate|ask|completions?|invoke)$|^post \/(openai|engines)\/.*completions$/,
    "POST /v1/chat/completions, or POST /v1/llms/{llm_id}:chat",
  ],
  [/^\w+ \/v1(beta|alpha)\d*\/.*/, "Google's API is not spoken; POST /v1/chat/completions takes the name as `model`"],
  [/^post \/v1\/messages\/count$/, "POST /v1/messages/count_tokens"],
  [
    /^\w+ (\/v1)?\/(images|audio|moderations|rerank|files|batches|assistants|threads|fine_tuning|realtime|vector_stores|uploads|videos)(\/.*)?$/,
    OPENAI,
  ],
  [
    /^\w+ \/(swagger|redoc|api-docs|apidocs|openapi)([/.].*)?$/,
    "GET /docs shows every call, and GET /openapi.json describes them",
  ],
  [/^get \/(console|ui|admin|login|signin|dashboard|app|web)(\/.*)?$/, "the console is at /"],
  [/^\w+ \/graphql$/, "there is no GraphQL; GET /docs shows every call over REST"],
];

/** What helps who calls a path that is known from elsewhere; undefined where nothing is known of it. */
export function hintForPath(method: string, path: string): string | undefined {
  if (path.length > MAX_LENGTH) return undefined;
  const asked = `${method} ${path.replace(/\/+$/, "")}`.toLowerCase();
  return ROWS.find(([pattern]) => pattern.test(asked))?.[1];
}
