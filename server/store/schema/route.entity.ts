import { defineEntity, p } from "@mikro-orm/postgresql";
import { Account } from "./account.entity.ts";

/** An Llm of a route. */
export interface StoredTarget {
  readonly llmId: string;
  readonly weight: number;
}

/** Llms of a route that are as good as each other. */
export interface StoredTier {
  readonly policy: "WEIGHTED" | "LEAST_BUSY";
  readonly targets: readonly StoredTarget[];
}

const RouteSchema = defineEntity({
  name: "Route",
  indexes: [
    { name: "route_owner_created_idx", properties: ["owner", "createdAt", "id"] },
    { name: "route_created_idx", properties: ["createdAt", "id"] },
  ],
  properties: {
    id: p.uuid().primary(),
    owner: () => p.manyToOne(Account).mapToPk().foreignKeyName("route_owner_fkey"),
    /** A trigger keeps it in the namespace of aliases, whose key decides whether it is free. */
    name: p.string().length(63),
    displayName: p.string().length(255),
    description: p.text(),
    /** The Llms by their ids and without references: one that was purged is none any more. */
    tiers: p.json<readonly StoredTier[]>(),
    /** 0 for none. */
    attemptTimeoutMs: p.integer(),
    createdAt: p.datetime(3),
    updatedAt: p.datetime(3),
    createdBy: p.uuid(),
    updatedBy: p.uuid(),
    revision: p.integer().version(),
  },
});

/** One name that stands for several Llms. */
export class Route extends RouteSchema.class {}
RouteSchema.setClass(Route);
