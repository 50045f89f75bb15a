import { defineEntity, type Opt, p } from "@mikro-orm/postgresql";
import type { SamplingParams } from "../../base/sampling.ts";
import type { SealedSecret } from "../vault/sealing.ts";
import { Account } from "./account.entity.ts";
import { Provider } from "./provider.entity.ts";

/** What is inferred or declared of a model; the names are those of `LlmCapabilities` in llm.proto. */
export interface Capabilities {
  supportsChat?: boolean | undefined;
  supportsCompletion?: boolean | undefined;
  supportsFunctionCalling?: boolean | undefined;
  supportsSystemMessages?: boolean | undefined;
  supportsStreaming?: boolean | undefined;
  supportsSamplingParameters?: boolean | undefined;
}

/** What somebody says of the properties of a model. */
export interface StoredClaims extends Capabilities {
  maxContextLength?: number | undefined;
  supportedModalities?: readonly string[] | undefined;
}

/** Who, beside its owner, can say something of the model of an Llm; the words are those of capability_sources.proto. */
export type ClaimSource = "PROBE" | "PROVIDER" | "CATALOG";

/** What is known of the end of a model: dates such as 2026-03-26, and the model to use instead. */
export interface StoredDeprecation {
  deprecatedAt?: string | undefined;
  retiresAt?: string | undefined;
  successor?: string | undefined;
}

/** What is known of the model of an Llm beside what its owner says; its state has a column of its own. */
export interface StoredModel extends StoredDeprecation {
  claims: Partial<Record<ClaimSource, StoredClaims | undefined>>;
  /** Who says what state it is in; undefined: nobody. */
  source?: "CATALOG" | "PROVIDER" | undefined;
  /**
   * Whether the last list that told had the model. PROVEN: it had not, or the model should have ended, and the model
   * replied all the same. Undefined: no list told yet.
   */
  serving?: "LISTED" | "UNLISTED" | "PROVEN" | undefined;
  /** What the last list that had the model said of its end. */
  announced?: StoredDeprecation | undefined;
  /** What that list said its tokens cost. */
  listed?: StoredPrice | undefined;
  /** The most tokens of one reply, as that list says, and as the model catalog does. */
  outputLimits?: Partial<Record<"PROVIDER" | "CATALOG", number | undefined>> | undefined;
  /** When that list was fetched, in milliseconds since 1970; a change of it alone is told to nobody. */
  checkedAt?: number | undefined;
}

/** What tokens cost, as an owner says: US dollars for a million of each kind, as decimal strings. */
export interface StoredPrice {
  readonly input?: string | undefined;
  readonly cacheRead?: string | undefined;
  readonly cacheWrite?: string | undefined;
  readonly output?: string | undefined;
  readonly reasoning?: string | undefined;
  /** When it was said, in milliseconds since 1970. */
  readonly setAt: number;
}

/** How long replies are waited for, in seconds, where that is not as the server does by itself. */
export interface StoredPatience {
  readonly firstPieceSeconds?: number | undefined;
  readonly betweenPiecesSeconds?: number | undefined;
  readonly wholeSeconds?: number | undefined;
}

/** The last test of an Llm; the words are those of connection_test.proto. */
export interface StoredTest {
  outcome: string;
  /** What a chat would be refused with. */
  reason?: string | undefined;
  message: string;
  stages: readonly { readonly name: string; readonly state: string; readonly message: string }[];
  latencyMs: number;
  httpStatus?: number | undefined;
  model: string;
  headersMs?: number | undefined;
  firstTokenMs?: number | undefined;
  testedAt: number;
}

/** Credentials that are kept beside the current ones, sealed in a column of their own: what may be told of them. */
export interface StoredSlot {
  /** Which of the credentials that the row has had; part of what they are sealed to. */
  version: number;
  hint: string;
  ref: string;
  /** In base64. */
  fingerprint: string;
  /** Since when they are in this slot. */
  since: number;
  /** Their last test, and in base64 the digest of the connection that it was a test of. */
  test?: StoredTest | undefined;
  testedDigest?: string | undefined;
}
/** What is deleted is out of the way of all that is not. */
const LIVE = "deleted_at is null";
/**
 * The second half is true of every row, and said by lists of everybody's Llms alone. Without it the planner takes these
 * indexes for an owner's list as well, and reads a million rows where it guesses wrong.
 */
const EVERYBODYS = "deleted_at is null and revision > 0";
/** The models that somebody looks for are few. */
const ENDS = "model_state in ('DEPRECATED', 'RETIRED', 'MISSING')";

const LlmSchema = defineEntity({
  name: "Llm",
  uniques: [{ name: "llm_owner_connection_key", properties: ["owner", "connectionDigest"], where: LIVE }],
  indexes: [
    { name: "llm_owner_created_idx", properties: ["owner", "createdAt", "id"], where: LIVE },
    { name: "llm_owner_updated_idx", properties: ["owner", "updatedAt", "id"], where: LIVE },
    { name: "llm_owner_display_name_idx", properties: ["owner", "displayName", "id"], where: LIVE },
    { name: "llm_owner_model_idx", properties: ["owner", "modelIdentifier", "id"], where: LIVE },
    { name: "llm_created_idx", properties: ["createdAt", "id"], where: EVERYBODYS },
    { name: "llm_updated_idx", properties: ["updatedAt", "id"], where: EVERYBODYS },
    { name: "llm_display_name_idx", properties: ["displayName", "id"], where: EVERYBODYS },
    { name: "llm_model_idx", properties: ["modelIdentifier", "id"], where: EVERYBODYS },
    {
      name: "llm_search_idx",
      expression: `create index llm_search_idx on llm using gin (search gin_trgm_ops) where ${LIVE}`,
    },
    {
      name: "llm_labels_idx",
      expression: `create index llm_labels_idx on llm using gin (labels jsonb_path_ops) where ${LIVE}`,
    },
    {
      name: "llm_model_ends_idx",
      expression: `create index llm_model_ends_idx on llm (model_state, owner_id, created_at, id) where ${LIVE} and ${ENDS}`,
    },
    { name: "llm_deleted_idx", properties: ["deletedAt"], where: "deleted_at is not null" },
    { name: "llm_owner_deleted_idx", properties: ["owner"], where: "deleted_at is not null" },
    { name: "llm_provider_idx", properties: ["provider"] },
  ],
  properties: {
    id: p.uuid().primary(),
    owner: () => p.manyToOne(Account).mapToPk().foreignKeyName("llm_owner_fkey"),
    displayName: p.string().length(255),
    description: p.text(),
    /** What programs call it by; empty for none. The table `alias`, which a trigger keeps, makes it one's alone. */
    alias: p.string().length(63).default(""),
    providerType: p.string().length(32),
    /** Whose endpoint and credentials are used; null while it has its own. */
    provider: () =>
      p.manyToOne(Provider).mapToPk().nullable().deleteRule("no action").foreignKeyName("llm_provider_fkey"),
    /** With a Provider, a copy of its endpoint for showing and searching: what is called is the Provider's. */
    endpointUrl: p.text(),
    apiPath: p.text(),
    modelIdentifier: p.string().length(255),
    supportedModalities: p.array<string>().columnType("text[]"),
    labels: p.json<Record<string, string>>(),
    version: p.string().length(64),
    monitoringEndpoint: p.text(),
    capabilities: p.json<Capabilities>(),
    defaultSampling: p.json<SamplingParams>(),
    patience: p.json<StoredPatience>().default("{}"),
    maxContextLength: p.integer().nullable(),
    clientConfig: p.json<Record<string, unknown>>().nullable(),
    /** Which of the properties above, and of the capabilities, the owner left to others. */
    inferred: p.array<string>().columnType("text[]"),
    /** Null: what the price catalog says. */
    price: p.json<StoredPrice>().nullable(),
    /** A word of ModelState.State in model_state.proto. */
    modelState: p.string().length(16).default("UNKNOWN"),
    model: p.json<StoredModel>().default('{"claims": {}}'),
    supportsWebSearch: p.boolean(),
    /** Sealed to this row and its endpoint; lazy, so that a list never carries it. */
    sealedCredentials: p.json<SealedSecret>().lazy().hidden().nullable(),
    /** Which of the credentials that this row has had; part of what the current ones are sealed to. */
    credentialsVersion: p.integer(),
    /** Counts the credentials this row has had, in all slots: no version is given out twice. */
    credentialsIssued: p.integer().default(1),
    hasCredentials: p.boolean(),
    credentialsHint: p.string().length(8),
    /** Where the key is kept, if not here: for showing; the sealed credentials have it too, and that is what counts. */
    credentialsRef: p.text().default(""),
    /** Keyed hash of the credentials, a value of its own for none. */
    credentialsFingerprint: p.blob().$type<Buffer>().hidden(),
    /** Credentials that shall be used next, sealed like the current ones. */
    sealedPendingCredentials: p.json<SealedSecret>().lazy().hidden().nullable(),
    pendingCredentials: p.json<StoredSlot>().nullable(),
    /** Credentials that were used before, sealed like the current ones. */
    sealedPreviousCredentials: p.json<SealedSecret>().lazy().hidden().nullable(),
    previousCredentials: p.json<StoredSlot>().nullable(),
    /** SHA-256 of all that makes a connection the same as another. */
    connectionDigest: p.blob().$type<Buffer>().hidden(),
    /** Keyed hash of the request that made the row, so that a repeated one can be told from a different one. */
    requestDigest: p.blob().$type<Buffer>().hidden(),
    status: p.string().length(32),
    /** Whether its owner has switched it off; what tests say of it stays in the status. */
    disabled: p.boolean().default(false),
    /** 0: it is not checked. */
    checkIntervalSeconds: p.integer().default(0),
    lastTest: p.json<StoredTest>().nullable(),
    createdAt: p.datetime(3),
    updatedAt: p.datetime(3),
    createdBy: p.uuid(),
    updatedBy: p.uuid(),
    /** Null while it is not deleted; what is, is brought back or purged. */
    deletedAt: p.datetime(3).nullable().$type<Opt<Date | null>>(),
    revision: p.integer().version(),
    /** What a search looks in. */
    search: p
      .text()
      .generated("(lower(id::text || ' ' || display_name || ' ' || endpoint_url || ' ' || model_identifier)) stored")
      .lazy()
      .hidden()
      .$type<Opt<string>>(),
    isDefault: p
      .boolean()
      .formula(
        (_, { alias }) => `(select default_llm_id = ${alias}.id from account where account.id = ${alias}.owner_id)`,
      )
      .persist(false)
      .$type<Opt<boolean | null>>(),
    /** What its priced replies cost so far, in pico-dollars; null before the first. */
    totalCost: p
      .bigint("bigint")
      .formula((_, { alias }) => `(select cost from llm_total where llm_total.llm_id = ${alias}.id)`)
      .persist(false)
      .$type<Opt<bigint | null>>(),
    unpricedReplies: p
      .bigint("bigint")
      .formula((_, { alias }) => `(select unpriced_replies from llm_total where llm_total.llm_id = ${alias}.id)`)
      .persist(false)
      .$type<Opt<bigint | null>>(),
    /** Whether a budget is to be asked before a chat; loaded with the credentials. */
    hasBudget: p
      .boolean()
      .formula(
        (_, { alias }) =>
          `(exists (select from budget where budget.owner_id = ${alias}.owner_id and (budget.llm_id is null or budget.llm_id = ${alias}.id)))`,
      )
      .lazy()
      .persist(false)
      .$type<Opt<boolean>>(),
  },
});

/** One owner's way to reach one model at one endpoint. */
export class Llm extends LlmSchema.class {}
LlmSchema.setClass(Llm);
