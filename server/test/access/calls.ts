import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { PROVIDER, type Whose, type World } from "./world.ts";

/** A request, in the contract's JSON, about a thing of the one whose it is. */
type MakeRequest = (world: World, whose: Whose) => JsonObject | Promise<JsonObject>;

/** How to call an rpc. */
export interface MatrixCall {
  /** Whether it is about a thing that belongs to somebody, and so has three rows rather than one. */
  readonly isAboutThing: boolean;
  /** Whether its stream goes on until the caller leaves: which is after the first message. */
  readonly isEndless?: boolean;
  readonly request: MakeRequest;
}

const about = (request: MakeRequest): MatrixCall => ({ isAboutThing: true, request });
const aboutNothing = (request: MakeRequest): MatrixCall => ({ isAboutThing: false, request });

const llm = about((world, whose) => ({ llmId: world.things(whose).llmId }));
const chat = about((world, whose) => ({ llmId: world.things(whose).llmId, message: "Hi" }));
const session = about((world, whose) => ({ ...accountOf(world, whose), sessionId: world.things(whose).sessionId }));
const apiKey = about((world, whose) => ({ apiKeyId: world.things(whose).apiKeyId }));
const newLlm = about(async (world, whose) => ({ llmId: await world.newLlm(whose) }));
const provider = about((world, whose) => ({ name: PROVIDER, ownerId: world.things(whose).accountId }));
const route = about((world, whose) => ({ routeId: world.things(whose).routeId }));
const account = about((world, whose) => ({ accountId: world.things(whose).accountId }));

/**
 * One line for every rpc of every service, by `Service.Rpc`. What ends a thing takes a new one; what makes a thing for an
 * account is about that account.
 */
export const CALLS: Readonly<Record<string, MatrixCall>> = {
  "LlmService.CreateLlm": about((world, whose) => ({
    ownerId: world.things(whose).accountId,
    displayName: "made by the matrix",
    providerType: "CUSTOM_OPENAI_COMPATIBLE",
    endpointUrl: `https://${randomUUID()}.example.com/v1`,
    modelIdentifier: "some-model",
  })),
  "LlmService.GetLlm": llm,
  "LlmService.ListLlms": about((world, whose) => ({ ...accountAsOwner(world, whose), pageSize: 5 })),
  "LlmService.UpdateLlm": about((world, whose) => ({ llmId: world.things(whose).llmId, description: "changed" })),
  "LlmService.BatchGetLlms": about((world, whose) => ({ llmIds: [world.things(whose).llmId] })),
  "LlmService.ListLlmModels": llm,
  "LlmService.DeleteLlm": newLlm,
  "LlmService.UndeleteLlm": about(async (world, whose) => ({ llmId: await world.deletedLlm(whose) })),
  "LlmService.WatchLlms": { ...about(accountAsOwner), isEndless: true },
  "LlmService.AddPendingCredentials": about(async (world, whose) => ({
    llmId: await world.newLlm(whose),
    credentials: { apiKey: { inlineSecret: "sk-of-the-matrix" } },
  })),
  // Of an Llm without credentials that are being changed: whoever may call them is told so.
  "LlmService.PromoteCredentials": newLlm,
  "LlmService.RevertCredentials": newLlm,
  "LlmService.RetireCredentials": about(async (world, whose) => ({
    llmId: await world.newLlm(whose),
    slot: "PREVIOUS",
  })),
  "LlmService.SetDefaultLlm": llm,
  "LlmService.TestLlm": llm,
  "LlmService.TestConnection": llm,
  "ChatService.Chat": chat,
  "ChatService.StreamChat": chat,
  "ChatService.GetSession": session,
  "ChatService.ListSessions": about((world, whose) => ({ ...accountOf(world, whose), pageSize: 2 })),
  "ChatService.ListTurns": session,
  "ChatService.DeleteSession": about(async (world, whose) => ({
    ...accountOf(world, whose),
    sessionId: await world.newSession(whose),
  })),
  "UsageService.QueryUsage": about((world, whose) => ({ ownerId: world.things(whose).accountId })),
  "BudgetService.SetBudget": about(async (world, whose) => ({
    llmId: await world.newLlm(whose),
    amount: "1000000",
    period: "TOTAL",
    mode: "WARN",
  })),
  "BudgetService.GetBudget": about((world, whose) => ({ budgetId: world.things(whose).budgetId })),
  "BudgetService.ListBudgets": about((world, whose) => ({ ownerId: world.things(whose).accountId, pageSize: 2 })),
  "BudgetService.DeleteBudget": about(async (world, whose) => ({ budgetId: await world.newBudget(whose) })),
  "PingService.PingOnce": llm,
  "PingService.PingStream": about((world, whose) => ({ llmId: world.things(whose).llmId, count: 1 })),
  "ProviderService.UpsertProvider": about((world, whose) => ({
    name: `made-${randomUUID()}`,
    ownerId: world.things(whose).accountId,
    endpointUrl: "https://vendor.example.com/v1",
  })),
  "ProviderService.GetProvider": provider,
  "ProviderService.ListProviders": about((world, whose) => ({ ...accountAsOwner(world, whose), pageSize: 5 })),
  "ProviderService.DeleteProvider": about(async (world, whose) => ({
    name: await world.newProvider(whose),
    ownerId: world.things(whose).accountId,
  })),
  "ProviderService.TestProvider": provider,
  "ProviderService.ListProviderModels": provider,
  "RouteService.CreateRoute": about((world, whose) => ({
    name: `made-${randomUUID().slice(0, 8)}`,
    ownerId: world.things(whose).accountId,
    tiers: [{ targets: [{ llmId: world.things(whose).llmId }] }],
  })),
  "RouteService.GetRoute": route,
  "RouteService.ListRoutes": about((world, whose) => ({ ...accountAsOwner(world, whose), pageSize: 5 })),
  "RouteService.UpdateRoute": about((world, whose) => ({
    routeId: world.things(whose).routeId,
    description: "changed",
  })),
  "RouteService.DeleteRoute": about(async (world, whose) => ({ routeId: await world.newRoute(whose) })),
  "RouteService.ExplainRoute": route,
  "RouteService.WatchRoutes": { ...about(accountAsOwner), isEndless: true },
  "AuditService.ListAuditEvents": about((world, whose) => ({ ...accountOf(world, whose), pageSize: 2 })),
  "AuditService.ExportAuditEvents": about((world, whose) => ({ ...accountOf(world, whose), after: "1000000" })),
  "AccessService.GetCaller": aboutNothing(() => ({})),
  "AccessService.CreateAccount": aboutNothing(() => ({ displayName: "made by the matrix" })),
  "AccessService.GetAccount": account,
  "AccessService.ListAccounts": aboutNothing(() => ({ pageSize: 5 })),
  "AccessService.UpdateAccount": account,
  "AccessService.DeleteAccount": account,
  "AccessService.CreateApiKey": about((world, whose) => ({
    ...accountOf(world, whose),
    displayName: "made by the matrix",
    role: "VIEWER",
  })),
  "AccessService.GetApiKey": apiKey,
  "AccessService.ListApiKeys": about((world, whose) => ({ ...accountOf(world, whose), pageSize: 5 })),
  "AccessService.UpdateApiKey": apiKey,
  "AccessService.RollApiKey": apiKey,
  "AccessService.RevokeApiKey": about(async (world, whose) => ({ apiKeyId: await world.newApiKey(whose) })),
};

function accountAsOwner(world: World, whose: Whose): { ownerId: string } {
  return { ownerId: world.things(whose).accountId };
}

function accountOf(world: World, whose: Whose): { accountId: string } {
  return { accountId: world.things(whose).accountId };
}
