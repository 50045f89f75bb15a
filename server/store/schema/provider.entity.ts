import { defineEntity, type Opt, p } from "@mikro-orm/postgresql";
import type { SealedSecret } from "../vault/sealing.ts";
import { Account } from "./account.entity.ts";
import type { StoredTest } from "./llm.entity.ts";

const ProviderSchema = defineEntity({
  name: "Provider",
  uniques: [
    { name: "provider_owner_name_key", properties: ["owner", "name"] },
    { name: "provider_number_key", properties: ["number"] },
  ],
  indexes: [
    { name: "provider_owner_created_idx", properties: ["owner", "createdAt", "id"] },
    { name: "provider_owner_updated_idx", properties: ["owner", "updatedAt", "id"] },
    { name: "provider_created_idx", properties: ["createdAt", "id"] },
    {
      name: "provider_search_idx",
      expression: "create index provider_search_idx on provider using gin (search gin_trgm_ops)",
    },
  ],
  properties: {
    id: p.uuid().primary(),
    owner: () => p.manyToOne(Account).mapToPk().foreignKeyName("provider_owner_fkey"),
    name: p.string().length(128),
    /** For callers that know things by numbers; the database gives it. */
    number: p.integer().autoincrement().$type<Opt<number>>(),
    displayName: p.string().length(255),
    providerType: p.string().length(32),
    /** Its base URL, in canonical form. */
    endpointUrl: p.text(),
    metadata: p.json<Record<string, unknown>>(),
    /** Sealed to this row and its endpoint; lazy, so that a list never carries it. */
    sealedCredentials: p.json<SealedSecret>().lazy().hidden().nullable(),
    /** Counts the credentials this row has had; part of what the current ones are sealed to. */
    credentialsVersion: p.integer(),
    hasCredentials: p.boolean(),
    credentialsHint: p.string().length(8),
    /** Where the key is kept, if not here: for showing; the sealed credentials have it too, and that is what counts. */
    credentialsRef: p.text(),
    status: p.string().length(32),
    lastTest: p.json<StoredTest>().nullable(),
    createdAt: p.datetime(3),
    updatedAt: p.datetime(3),
    createdBy: p.uuid(),
    updatedBy: p.uuid(),
    revision: p.integer().version(),
    /** What a search looks in. */
    search: p
      .text()
      .generated("(lower(name || ' ' || display_name || ' ' || endpoint_url)) stored")
      .lazy()
      .hidden()
      .$type<Opt<string>>(),
  },
});

/** An account at a vendor of models, or a server of one's own: endpoint and credentials for any number of Llms. */
export class Provider extends ProviderSchema.class {}
ProviderSchema.setClass(Provider);
