import { AccessService } from "../../gen/patchbay/v1/access_service_pb.ts";
import { AuditService } from "../../gen/patchbay/v1/audit_service_pb.ts";
import { BudgetService } from "../../gen/patchbay/v1/budget_service_pb.ts";
import { ChatService } from "../../gen/patchbay/v1/chat_service_pb.ts";
import { LlmService } from "../../gen/patchbay/v1/llm_service_pb.ts";
import { PingService } from "../../gen/patchbay/v1/ping_service_pb.ts";
import { ProviderService } from "../../gen/patchbay/v1/provider_service_pb.ts";
import { RouteService } from "../../gen/patchbay/v1/route_service_pb.ts";
import { UsageService } from "../../gen/patchbay/v1/usage_service_pb.ts";

/** Our services, each of whose rpcs declares the permission it requires. */
export const SERVICES = [
  LlmService,
  ChatService,
  ProviderService,
  RouteService,
  PingService,
  UsageService,
  BudgetService,
  AccessService,
  AuditService,
];
