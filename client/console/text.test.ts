import type { DescEnum } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ApiKey_RoleSchema } from "../../gen/patchbay/v1/api_key_pb.ts";
import { Budget_ModeSchema, Budget_PeriodSchema } from "../../gen/patchbay/v1/budget_pb.ts";
import { CapabilitySource_SourceSchema } from "../../gen/patchbay/v1/capability_sources_pb.ts";
import {
  ConnectionTest_OutcomeSchema,
  ConnectionTest_Stage_NameSchema,
  ConnectionTest_Stage_StateSchema,
} from "../../gen/patchbay/v1/connection_test_pb.ts";
import { LimitState_HolderSchema, LimitState_LimitSchema } from "../../gen/patchbay/v1/limits_pb.ts";
import { Llm_ModalitySchema, Llm_ProviderTypeSchema, Llm_StatusSchema } from "../../gen/patchbay/v1/llm_pb.ts";
import { ModelState_StateSchema } from "../../gen/patchbay/v1/model_state_pb.ts";
import { Provider_StatusSchema } from "../../gen/patchbay/v1/provider_pb.ts";
import { RouteTargetState_StandingSchema, RouteTier_PolicySchema } from "../../gen/patchbay/v1/route_pb.ts";
import { text } from "./text.ts";

describe("the console", () => {
  it.each<[DescEnum, Record<number, string>]>([
    [ApiKey_RoleSchema, text.roles],
    [ApiKey_RoleSchema, text.access.roleHints],
    [Budget_ModeSchema, text.usage.modes],
    [Budget_PeriodSchema, text.usage.periods],
    [Budget_PeriodSchema, text.limits.brief.budget],
    [CapabilitySource_SourceSchema, text.sources],
    [ConnectionTest_OutcomeSchema, text.outcomes],
    [ConnectionTest_Stage_NameSchema, text.stages],
    [ConnectionTest_Stage_StateSchema, text.stageStates],
    [LimitState_HolderSchema, text.limits.holders],
    [LimitState_LimitSchema, text.limits.kinds],
    [Llm_ModalitySchema, text.modalities],
    [Llm_ProviderTypeSchema, text.providerTypes],
    [Llm_StatusSchema, text.status],
    [ModelState_StateSchema, text.modelState],
    [Provider_StatusSchema, text.providerStatus],
    [RouteTargetState_StandingSchema, text.routes.standings],
    [RouteTier_PolicySchema, text.routes.policies],
  ])("has a word for each value of %s", (schema, words) => {
    const wordless = schema.values.filter(({ number }) => number !== 0 && !words[number]);
    expect(
      wordless.map(({ name }) => name),
      "add it to client/console/text.ts",
    ).toEqual([]);
  });
});
