import { IntegrationService } from "../../../gen/dialects/integrations/v1/integration_service_pb.ts";
import { LlmProviderService } from "../../../gen/dialects/llm_providers/v1/llm_provider_service_pb.ts";
import { TargetPingService } from "../../../gen/dialects/pings/v1/target_ping_service_pb.ts";
import { NamedProviderService } from "../../../gen/dialects/providers/v1/named_provider_service_pb.ts";
import type { Dialect } from "./dialect.ts";
import { integrations } from "./integrations.ts";
import { llmProviders } from "./llm-providers.ts";
import { namedProviders } from "./named-providers.ts";
import { targetPings } from "./target-pings.ts";

/** All that we speak beside our own. */
export const DIALECTS: readonly Dialect[] = [integrations, namedProviders, llmProviders, targetPings];

/** Their services, each of whose rpcs declares the permission it requires. */
export const DIALECT_SERVICES = [IntegrationService, NamedProviderService, LlmProviderService, TargetPingService];
