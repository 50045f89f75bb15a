import { RetiredKey, WrappedKey } from "../vault/wrapped-key.entity.ts";
import { Account } from "./account.entity.ts";
import { AnsweredRequest } from "./answered-request.entity.ts";
import { ApiKey, ApiKeyUse } from "./api-key.entity.ts";
import { AuditChain, AuditChainStart, AuditEvent } from "./audit-event.entity.ts";
import { Budget, BudgetReservation } from "./budget.entity.ts";
import { Change, ChangeHead } from "./change.entity.ts";
import { HolderCalls, HolderLimits, HolderReservation, HolderSpending } from "./holder-limits.entity.ts";
import { LimitNotice } from "./limit-notice.entity.ts";
import { Llm } from "./llm.entity.ts";
import { Provider } from "./provider.entity.ts";
import { Route } from "./route.entity.ts";
import { Session, Turn } from "./session.entity.ts";
import { DailyUsage, LlmTotal, ReplyUsage } from "./usage.entity.ts";
import { WriteProbe } from "./write-probe.entity.ts";

/** Every entity, by hand: what is not here is not stored. */
export const ENTITIES = [
  Account,
  AnsweredRequest,
  ApiKey,
  ApiKeyUse,
  AuditChain,
  AuditChainStart,
  AuditEvent,
  Budget,
  BudgetReservation,
  Change,
  ChangeHead,
  DailyUsage,
  HolderCalls,
  HolderLimits,
  HolderReservation,
  HolderSpending,
  LimitNotice,
  Llm,
  Provider,
  LlmTotal,
  ReplyUsage,
  Route,
  Session,
  Turn,
  WrappedKey,
  WriteProbe,
  RetiredKey,
];
