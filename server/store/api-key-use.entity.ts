import { defineEntity, p } from "@mikro-orm/postgresql";
import { ApiKey } from "./api-key.entity.ts";

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
