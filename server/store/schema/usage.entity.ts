import { defineEntity, p } from "@mikro-orm/postgresql";

const ReplyUsageSchema = defineEntity({
  name: "ReplyUsage",
  properties: {
    /** Of version 7, so that its order is that of time: by it the table is partitioned, and nothing else is indexed. */
    id: p.uuid().primary(),
    /** No references: what was spent outlives the Llm, the key and the session. */
    ownerId: p.uuid(),
    llmId: p.uuid(),
    /** The route that chose the Llm. */
    routeId: p.uuid().nullable(),
    /** Who chatted. */
    accountId: p.uuid(),
    /** Empty for who came with a token, whom the subject names. */
    apiKeyId: p.string().length(16),
    subject: p.text().nullable(),
    requestId: p.string().length(64),
    sessionId: p.uuid().nullable(),
    turnId: p.uuid().nullable(),
    /** As the provider names it, or as the Llm does where it does not. */
    model: p.string().length(255),
    providerType: p.string().length(32),
    /** The Llm's at the time. */
    labels: p.json<Record<string, string>>(),
    inputTokens: p.bigint("bigint").nullable(),
    cacheReadTokens: p.bigint("bigint").nullable(),
    cacheWriteTokens: p.bigint("bigint").nullable(),
    outputTokens: p.bigint("bigint").nullable(),
    reasoningTokens: p.bigint("bigint").nullable(),
    source: p.string().length(16).nullable(),
    outcome: p.string().length(16),
    latencyMs: p.integer(),
    firstTokenMs: p.integer().nullable(),
    /** In pico-dollars; null is unpriced, which is not 0. */
    cost: p.bigint("bigint").nullable(),
    priceSource: p.string().length(64).nullable(),
    priceDate: p.date().nullable(),
    createdAt: p.datetime(3),
  },
});

/** What one reply took and cost. */
export class ReplyUsage extends ReplyUsageSchema.class {}
ReplyUsageSchema.setClass(ReplyUsage);

const DailyUsageSchema = defineEntity({
  name: "DailyUsage",
  indexes: [
    { name: "daily_usage_owner_day_idx", properties: ["ownerId", "day", "llmId"] },
    { name: "daily_usage_owner_llm_idx", properties: ["ownerId", "llmId", "day"] },
    { name: "daily_usage_day_llm_idx", properties: ["day", "llmId"] },
  ],
  properties: {
    llmId: p.uuid().primary(),
    day: p.date().primary(),
    /** MD5 of the labels, the key, the subject, the model and the route if there is one, which are too long for an index. */
    labelsKey: p.uuid().primary(),
    ownerId: p.uuid(),
    labels: p.json<Record<string, string>>(),
    /** Empty for who came with a token, whom the subject names; and the other way round. */
    apiKeyId: p.string().length(16).default(""),
    subject: p.text().default(""),
    model: p.string().length(255).default(""),
    /** Empty for calls that named the Llm itself. */
    routeId: p.string().length(36).default(""),
    replies: p.bigint("bigint"),
    unpricedReplies: p.bigint("bigint"),
    estimatedReplies: p.bigint("bigint"),
    refusedCalls: p.bigint("bigint"),
    inputTokens: p.bigint("bigint"),
    cacheReadTokens: p.bigint("bigint"),
    cacheWriteTokens: p.bigint("bigint"),
    outputTokens: p.bigint("bigint"),
    reasoningTokens: p.bigint("bigint"),
    cost: p.bigint("bigint"),
  },
});

/** The sums of an Llm's day under one set of labels, of one caller, one model and one route. */
export class DailyUsage extends DailyUsageSchema.class {}
DailyUsageSchema.setClass(DailyUsage);

const LlmTotalSchema = defineEntity({
  name: "LlmTotal",
  properties: {
    llmId: p.uuid().primary(),
    unpricedReplies: p.bigint("bigint"),
    cost: p.bigint("bigint"),
    /** When servers were last told that it has changed: they are told once a second. */
    toldAt: p.datetime(3).defaultRaw("now()"),
  },
});

/** What an Llm cost so far, apart from it: a hot Llm's row is not touched by its replies. */
export class LlmTotal extends LlmTotalSchema.class {}
LlmTotalSchema.setClass(LlmTotal);
