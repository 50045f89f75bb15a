import { defineEntity, p } from "@mikro-orm/postgresql";
import type { SealedSecret } from "../vault/sealing.ts";
import { Account } from "./account.entity.ts";

const SessionSchema = defineEntity({
  name: "Session",
  uniques: [{ name: "session_account_name_key", properties: ["account", "name"] }],
  indexes: [
    { name: "session_account_created_idx", properties: ["account", "createdAt", "id"] },
    { name: "session_llm_idx", properties: ["account", "llmId", "createdAt", "id"] },
  ],
  properties: {
    id: p.uuid().primary(),
    account: () => p.manyToOne(Account).mapToPk().foreignKeyName("session_account_fkey"),
    /** What its account calls it: strangers may choose the same. */
    name: p.uuid(),
    /** No reference: what was said outlives the Llm. */
    llmId: p.uuid(),
    /** The route that it is with, which may move it to another Llm; no reference either. */
    routeId: p.uuid().nullable(),
    createdAt: p.datetime(3),
    updatedAt: p.datetime(3),
  },
});

/** A conversation that is remembered. */
export class Session extends SessionSchema.class {}
SessionSchema.setClass(Session);

const TurnSchema = defineEntity({
  name: "Turn",
  uniques: [
    { name: "turn_session_sequence_key", properties: ["session", "sequence"] },
    { name: "turn_session_request_key", properties: ["session", "requestId"] },
  ],
  indexes: [
    {
      name: "turn_session_running_key",
      expression: "create unique index turn_session_running_key on turn (session_id) where state = 'PENDING'",
    },
    {
      name: "turn_lease_idx",
      expression: "create index turn_lease_idx on turn (lease_until) where state = 'PENDING'",
    },
  ],
  properties: {
    id: p.uuid().primary(),
    session: () => p.manyToOne(Session).mapToPk().deleteRule("cascade").foreignKeyName("turn_session_fkey"),
    sequence: p.integer(),
    /** Counts its runs, so that a run that was taken for dead cannot end a later one. */
    attempt: p.integer(),
    /** The words are those of session.proto. */
    state: p.string().length(16),
    requestId: p.string().length(64).nullable(),
    /** Keyed hash of what was asked, so that a repeated request can be told from a different one. */
    requestDigest: p.blob().$type<Buffer>().hidden(),
    /** Whether it brings results of tools: it is nothing without the turn before. */
    answersTools: p.boolean(),
    hasSystem: p.boolean(),
    /** Of its messages and its reply, as they are estimated. */
    tokens: p.integer(),
    sealedMessages: p.json<SealedSecret>().lazy().hidden(),
    sealedReply: p.json<SealedSecret>().lazy().hidden().nullable(),
    /** When its server is taken for dead, unless it says that it is not. */
    leaseUntil: p.datetime(3),
    createdAt: p.datetime(3),
    endedAt: p.datetime(3).nullable(),
  },
});

/** One chat of a session. */
export class Turn extends TurnSchema.class {}
TurnSchema.setClass(Turn);
