import type { DescMethodServerStreaming, DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { AccessService } from "../../../gen/patchbay/v1/access_service_pb.ts";
import { ApiKey_RoleSchema } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { Budget_ModeSchema, Budget_PeriodSchema } from "../../../gen/patchbay/v1/budget_pb.ts";
import { BudgetService } from "../../../gen/patchbay/v1/budget_service_pb.ts";
import { ChatService } from "../../../gen/patchbay/v1/chat_service_pb.ts";
import { Llm_ProviderTypeSchema, Llm_StatusSchema } from "../../../gen/patchbay/v1/llm_pb.ts";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { ProviderService } from "../../../gen/patchbay/v1/provider_service_pb.ts";
import { wordsOf } from "../calls/json-problem.ts";
import { type Column, date, money, text, yes } from "../terminal/columns.ts";
import { routes } from "./route-noun.ts";

/** A flag of `create` and `edit` that stands for a field of the request. */
export interface Flag {
  readonly name: string;
  readonly value: string;
  readonly field: string;
  readonly help: string;
  /** The words that it takes; an enum's are taken in any case. */
  readonly choices?: readonly string[];
}

/** A kind of thing of the contract, and the rpcs that deal with it. */
export interface Noun {
  /** The command: `llms`. */
  readonly plural: string;
  readonly singular: string;
  /** The field of it that names it, and of requests that do. */
  readonly id: string;
  /** The field that `create` takes as its first word; undefined: none. */
  readonly namedBy?: string;
  /** The fields that `create` takes its displayName from, if none is given. */
  readonly namedAfter?: readonly string[];
  /** Whether its tables speak of Llms, which people know by their names. */
  readonly namesLlms?: boolean;
  /** What names it on a command line. Default: the id. */
  readonly argument?: string;
  readonly about: string;
  readonly list: DescMethodUnary;
  /** The field of the list's answer. */
  readonly items: string;
  readonly get: DescMethodUnary;
  /** Undefined: such a thing comes about in another way. */
  readonly create?: DescMethodUnary | undefined;
  readonly update?: DescMethodUnary | undefined;
  readonly delete?: DescMethodUnary | undefined;
  readonly watch?: DescMethodServerStreaming | undefined;
  readonly columns: readonly Column[];
  /** The fields that an owner chooses, as `edit` shows them. */
  readonly editable: readonly string[];
  readonly flags: readonly Flag[];
  /** Filters of the list: flags with one value each. */
  readonly filters: readonly Flag[];
  /** Whether credentials go with it, and are asked for. */
  readonly takesCredentials?: boolean;
  readonly examples: Readonly<Record<string, readonly string[]>>;
}

const TYPE: Flag = {
  name: "type",
  value: "type",
  field: "providerType",
  help: "the API that the endpoint speaks",
  choices: wordsOf(Llm_ProviderTypeSchema),
};
const OWNER: Flag = { name: "owner", value: "account", field: "ownerId", help: "the account that owns it" };
const ACCOUNT: Flag = { name: "account", value: "account", field: "accountId", help: "the account it belongs to" };
const NAME: Flag = { name: "name", value: "text", field: "displayName", help: "what people call it" };

const llms: Noun = {
  plural: "llms",
  singular: "llm",
  id: "llmId",
  namedAfter: ["alias", "modelIdentifier"],
  argument: "llm",
  about: "ways to reach a model: an endpoint, credentials, defaults",
  list: LlmService.method.listLlms,
  items: "llms",
  get: LlmService.method.getLlm,
  create: LlmService.method.createLlm,
  update: LlmService.method.updateLlm,
  delete: LlmService.method.deleteLlm,
  watch: LlmService.method.watchLlms,
  columns: [
    text("NAME", "displayName"),
    text("ALIAS", "alias"),
    text("MODEL", "modelIdentifier"),
    text("TYPE", "providerType"),
    text("STATUS", "status"),
    yes("DEFAULT", "isDefault"),
    money("COST", "totalCost"),
    text("ID", "llmId"),
  ],
  editable: [
    "displayName",
    "alias",
    "description",
    "modelIdentifier",
    "endpointUrl",
    "apiPath",
    "providerId",
    "labels",
    "supportedModalities",
    "capabilities",
    "defaultSamplingParams",
    "patience",
    "maxContextLength",
    "clientConfig",
    "price",
    "checkIntervalSeconds",
    "monitoringEndpoint",
    "version",
  ],
  flags: [
    NAME,
    { name: "alias", value: "alias", field: "alias", help: "what programs call it, such as claude-team" },
    TYPE,
    { name: "model", value: "model", field: "modelIdentifier", help: "the model, as the endpoint names it" },
    { name: "endpoint", value: "url", field: "endpointUrl", help: "the base URL of the endpoint" },
    {
      name: "provider",
      value: "provider",
      field: "providerId",
      help: "a Provider to take endpoint and credentials from",
    },
    { name: "label", value: "key=value", field: "labels", help: "a label; may be repeated" },
    { name: "description", value: "text", field: "description", help: "what it is for" },
    {
      name: "check-interval",
      value: "seconds",
      field: "checkIntervalSeconds",
      help: "test it by itself so often",
    },
    OWNER,
  ],
  filters: [
    { name: "search", value: "text", field: "search", help: "only with this in its name, model, URL or id" },
    TYPE,
    {
      name: "status",
      value: "status",
      field: "status",
      help: "only with this status",
      choices: wordsOf(Llm_StatusSchema),
    },
    { name: "label", value: "key=value", field: "labels", help: "only with this label; may be repeated" },
    OWNER,
  ],
  takesCredentials: true,
  examples: {
    list: ["patchbay llms list --status FAILING", "patchbay llms list -o json --label team=ai"],
    get: ["patchbay llms get demo"],
    create: [
      "patchbay llms create --name GPT --alias gpt --type OPENAI --model gpt-4o --key-env OPENAI_API_KEY",
      "patchbay llms create --name local --type OLLAMA --model llama3.2 --endpoint http://localhost:11434/v1",
      "patchbay llms create -f llm.yaml --dry-run",
    ],
    edit: [
      "patchbay llms edit demo --label team=ai",
      "patchbay llms edit demo --set defaultSamplingParams.temperature=0",
    ],
    delete: ["patchbay llms delete demo --yes"],
    watch: ["patchbay llms watch --for 1"],
  },
};

const providers: Noun = {
  plural: "providers",
  singular: "provider",
  id: "name",
  namedBy: "name",
  argument: "provider",
  about: "accounts at vendors: an endpoint and credentials that many Llms share",
  list: ProviderService.method.listProviders,
  items: "providers",
  get: ProviderService.method.getProvider,
  create: ProviderService.method.upsertProvider,
  update: ProviderService.method.upsertProvider,
  delete: ProviderService.method.deleteProvider,
  columns: [
    text("NAME", "name"),
    text("TYPE", "providerType"),
    text("URL", "endpointUrl"),
    text("STATUS", "status"),
    text("KEY", "credentialsHint"),
  ],
  editable: ["displayName", "endpointUrl", "metadata"],
  flags: [
    { ...NAME, name: "display-name" },
    TYPE,
    { name: "endpoint", value: "url", field: "endpointUrl", help: "the base URL of the vendor" },
    OWNER,
  ],
  filters: [{ name: "search", value: "text", field: "search", help: "only with this in its name or URL" }, TYPE, OWNER],
  takesCredentials: true,
  examples: {
    list: ["patchbay providers list"],
    get: ["patchbay providers get openai"],
    create: ["patchbay providers create openai --key-env OPENAI_API_KEY"],
    edit: ["patchbay providers edit openai --display-name 'OpenAI, team account'"],
    delete: ["patchbay providers delete openai --yes"],
    watch: ["patchbay providers watch --for 1"],
  },
};

const keys: Noun = {
  plural: "keys",
  singular: "key",
  id: "apiKeyId",
  argument: "key-id",
  about: "API keys of Patchbay, and the keys that encrypt what it stores",
  list: AccessService.method.listApiKeys,
  items: "apiKeys",
  get: AccessService.method.getApiKey,
  create: AccessService.method.createApiKey,
  update: AccessService.method.updateApiKey,
  delete: AccessService.method.revokeApiKey,
  columns: [
    text("NAME", "displayName"),
    text("ROLE", "role"),
    date("CREATED", "createdAt"),
    date("EXPIRES", "expiresAt"),
    date("LAST USED", "lastUsedAt"),
    text("ID", "apiKeyId"),
  ],
  editable: ["displayName", "expiresAt", "limits"],
  flags: [
    { ...NAME, help: "who holds it, and what for" },
    {
      name: "role",
      value: "role",
      field: "role",
      help: "what it may do at most",
      choices: wordsOf(ApiKey_RoleSchema),
    },
    {
      name: "models",
      value: "names",
      field: "limits.allowedModels",
      help: "only these: aliases or routes, with commas",
    },
    {
      name: "requests-per-minute",
      value: "count",
      field: "limits.requestsPerMinute",
      help: "calls of models a minute",
    },
    { name: "tokens-per-minute", value: "count", field: "limits.tokensPerMinute", help: "tokens a minute" },
    { name: "parallel", value: "count", field: "limits.parallelCalls", help: "calls of models at the same time" },
    { name: "budget", value: "spending", field: "limits.budget", help: "what it may cost, such as 25/month" },
    { name: "expires", value: "date", field: "expiresAt", help: "when it ends: a date, or days such as 30d" },
    ACCOUNT,
  ],
  filters: [ACCOUNT],
  examples: {
    list: ["patchbay keys list"],
    get: ["patchbay keys get $KEY_ID"],
    create: [
      "patchbay keys create --name Alice --role MEMBER --expires 30d",
      "patchbay keys create --name 'CI' --role MEMBER --models demo --requests-per-minute 60 --budget 25/month",
    ],
    edit: ["patchbay keys edit $KEY_ID --name 'Alice, laptop'"],
    delete: ["patchbay keys delete $KEY_ID --yes"],
    watch: ["patchbay keys watch --for 1"],
  },
};

const accounts: Noun = {
  plural: "accounts",
  singular: "account",
  id: "accountId",
  argument: "account-id",
  about: "who owns things: teams that shall not see each other's",
  list: AccessService.method.listAccounts,
  items: "accounts",
  get: AccessService.method.getAccount,
  create: AccessService.method.createAccount,
  update: AccessService.method.updateAccount,
  delete: AccessService.method.deleteAccount,
  columns: [
    text("NAME", "displayName"),
    date("CREATED", "createdAt"),
    text("DEFAULT LLM", "defaultLlmId"),
    text("ID", "accountId"),
  ],
  editable: ["displayName"],
  flags: [NAME],
  filters: [],
  examples: {
    list: ["patchbay accounts list"],
    get: ["patchbay accounts get $ACCOUNT_ID"],
    create: ["patchbay accounts create --name 'Team Search'"],
    edit: ["patchbay accounts edit $ACCOUNT_ID --name 'Team Find'"],
    delete: ["patchbay accounts delete $ACCOUNT_ID --yes"],
    watch: ["patchbay accounts watch --for 1"],
  },
};

const budgets: Noun = {
  plural: "budgets",
  singular: "budget",
  id: "budgetId",
  namesLlms: true,
  argument: "budget-id",
  about: "what chats may cost in a day or a month",
  list: BudgetService.method.listBudgets,
  items: "budgets",
  get: BudgetService.method.getBudget,
  create: BudgetService.method.setBudget,
  delete: BudgetService.method.deleteBudget,
  columns: [
    money("AMOUNT", "amount"),
    text("PERIOD", "period"),
    text("MODE", "mode"),
    money("SPENT", "spent"),
    text("LLM", "llmId"),
    text("ID", "budgetId"),
  ],
  editable: [],
  flags: [
    { name: "amount", value: "dollars", field: "amountUsd", help: "what may be spent in a period, such as 25 or 0.50" },
    {
      name: "period",
      value: "period",
      field: "period",
      help: "when what was spent is forgotten",
      choices: wordsOf(Budget_PeriodSchema),
    },
    {
      name: "mode",
      value: "mode",
      field: "mode",
      help: "what happens to a chat that would be too much",
      choices: wordsOf(Budget_ModeSchema),
    },
    { name: "llm", value: "llm", field: "llmId", help: "the one Llm that it is about" },
    OWNER,
  ],
  filters: [{ name: "llm", value: "llm", field: "llmId", help: "only those of this Llm" }, OWNER],
  examples: {
    list: ["patchbay budgets list"],
    get: ["patchbay budgets get $BUDGET_ID"],
    create: ["patchbay budgets create --amount 25 --period MONTH --mode WARN"],
    edit: ["patchbay budgets edit $BUDGET_ID --amount 50"],
    delete: ["patchbay budgets delete $BUDGET_ID --yes"],
    watch: ["patchbay budgets watch --for 1"],
  },
};

const sessions: Noun = {
  plural: "sessions",
  singular: "session",
  id: "sessionId",
  argument: "session-id",
  about: "conversations that the server remembers; chat --session begins one",
  list: ChatService.method.listSessions,
  items: "sessions",
  get: ChatService.method.getSession,
  delete: ChatService.method.deleteSession,
  columns: [
    text("ID", "sessionId"),
    text("TURNS", "turnCount"),
    date("BEGAN", "createdAt"),
    date("LAST TURN", "updatedAt"),
    text("LLM", "llmId"),
  ],
  editable: [],
  flags: [],
  filters: [{ name: "llm", value: "llm", field: "llmId", help: "only those with this Llm" }, ACCOUNT],
  examples: {
    list: ["patchbay sessions list"],
    get: ["patchbay sessions get $SESSION_ID"],
    delete: ["patchbay sessions delete $SESSION_ID --yes"],
    watch: ["patchbay sessions watch --for 1"],
  },
};

/** All nouns, in the order that help shows them in. */
export const NOUNS: readonly Noun[] = [llms, routes, providers, keys, accounts, budgets, sessions];

/** The one thing in the answer of a call about one thing: `{llm: …}`, beside `statuses` and the like. */
export function thingIn(noun: Noun, answer: JsonObject): JsonObject {
  return (answer[noun.items.replace(/s$/, "")] ?? {}) as JsonObject;
}
