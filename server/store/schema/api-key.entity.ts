import { defineEntity, type Opt, p } from "@mikro-orm/postgresql";
import { Account } from "./account.entity.ts";
import { HolderLimits, limitsFormula, type StoredLimits } from "./holder-limits.entity.ts";

const ApiKeyUseSchema = defineEntity({
  name: "ApiKeyUse",
  properties: {
    apiKey: () =>
      p.oneToOne(ApiKey).primary().mapToPk().deleteRule("cascade").foreignKeyName("api_key_use_api_key_fkey"),
    lastUsedAt: p.datetime(3),
  },
});

/** That an API key was used, give or take a minute. */
export class ApiKeyUse extends ApiKeyUseSchema.class {}
ApiKeyUseSchema.setClass(ApiKeyUse);

const ApiKeySchema = defineEntity({
  name: "ApiKey",
  indexes: [
    { name: "api_key_account_created_idx", properties: ["account", "createdAt", "id"] },
    { name: "api_key_limits_idx", properties: ["limits"] },
  ],
  uniques: [{ name: "api_key_imported_key", properties: ["digest"], where: "is_imported" }],
  properties: {
    /** The part of the key that names it; not secret. */
    id: p.string().length(16).primary(),
    account: () => p.manyToOne(Account).mapToPk().foreignKeyName("api_key_account_fkey"),
    displayName: p.string().length(255),
    role: p.string().length(16),
    /** What it may do of what the role may; empty for all of it. */
    scopes: p.array<string>().columnType("text[]"),
    /** SHA-256 of the whole key, which is random enough not to need more. */
    digest: p.blob().$type<Buffer>(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    expiresAt: p.datetime(3).nullable(),
    revokedAt: p.datetime(3).nullable(),
    /** What its holder may take, which it shares with the keys that it was rolled from and into; null for anything. */
    limits: () =>
      p
        .manyToOne(HolderLimits)
        .mapToPk()
        .nullable()
        .deleteRule("no action")
        .foreignKeyName("api_key_limits_fkey")
        .$type<Opt<string | null>>(),
    /** Whether an operator brought its secret along: then nothing in that names it. */
    isImported: p.boolean().default(false),
    lastUsedAt: p
      .datetime(3)
      .formula((_, { alias }) => `(select last_used_at from api_key_use where api_key_id = ${alias}.id)`)
      .persist(false)
      .$type<Opt<Date | null>>(),
    /** What its holder may take; null for anything. */
    ownLimits: p
      .json<StoredLimits>()
      .formula((_, { alias }) => limitsFormula(`${alias}.limits_id`))
      .nullable()
      .persist(false)
      .$type<Opt<StoredLimits | null>>(),
  },
});

/** A credential of an account, with a role. */
export class ApiKey extends ApiKeySchema.class {}
ApiKeySchema.setClass(ApiKey);
