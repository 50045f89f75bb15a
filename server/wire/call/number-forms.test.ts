import { describe, expect, it } from "vitest";
import { CreateApiKeyRequestSchema } from "../../../gen/patchbay/v1/access_service_pb.ts";
import { SetBudgetRequestSchema } from "../../../gen/patchbay/v1/budget_service_pb.ts";
import { HolderLimitsSchema } from "../../../gen/patchbay/v1/limits_pb.ts";
import { PatienceSchema } from "../../../gen/patchbay/v1/llm_pb.ts";
import { CreateRouteRequestSchema } from "../../../gen/patchbay/v1/route_service_pb.ts";
import { formOfNumber } from "./number-forms.ts";
import { SPELLINGS } from "./spelling.ts";

const TIME = "must be a time in milliseconds since 1970-01-01 UTC, such as 1798761600000 for 2027-01-01";
const PICO = "must be an integer of pico-dollars; for dollars give amountUsd:";

describe("the form of a number", () => {
  it.each([
    {
      field: PatienceSchema.field.wholeSeconds,
      written: "5m",
      form: "must be a whole number of seconds, without a unit: 300 for 5m",
    },
    {
      field: PatienceSchema.field.wholeSeconds,
      written: "90 sec",
      form: "must be a whole number of seconds, without a unit: 90 for 90 sec",
    },
    {
      field: PatienceSchema.field.wholeSeconds,
      written: "1.5h",
      form: "must be a whole number of seconds, without a unit: 5400 for 1.5h",
    },
    {
      field: PatienceSchema.field.wholeSeconds,
      written: "soon",
      form: "must be a whole number of seconds, without a unit",
    },
    {
      field: PatienceSchema.field.wholeSeconds,
      written: {},
      form: "must be a whole number of seconds, without a unit",
    },
    {
      field: CreateRouteRequestSchema.field.attemptTimeoutMs,
      written: "30s",
      form: "must be a whole number of milliseconds, without a unit: 30000 for 30s",
    },
    {
      field: HolderLimitsSchema.field.tokensPerMinute,
      written: "10k",
      form: "must be a whole number, in digits alone: 10000 for 10k",
    },
    {
      field: HolderLimitsSchema.field.tokensPerMinute,
      written: "1,000,000",
      form: "must be a whole number, in digits alone: 1000000 for 1,000,000",
    },
    {
      field: HolderLimitsSchema.field.tokensPerMinute,
      written: "1.5M",
      form: "must be a whole number, in digits alone: 1500000 for 1.5M",
    },
    { field: HolderLimitsSchema.field.tokensPerMinute, written: "many", form: undefined },
    { field: HolderLimitsSchema.field.tokensPerMinute, written: 1.5, form: undefined },
    { field: SetBudgetRequestSchema.field.amount, written: "25.00", form: `${PICO} "25.00" instead` },
    { field: SetBudgetRequestSchema.field.amount, written: "$25", form: `${PICO} "25" instead` },
    { field: SetBudgetRequestSchema.field.amount, written: 25.5, form: `${PICO} "25.5" instead` },
    { field: SetBudgetRequestSchema.field.amount, written: "sk-secret", form: `${PICO} "25" instead` },
    {
      field: CreateApiKeyRequestSchema.field.expiresAt,
      written: "2027-01-01",
      form: `${TIME}; 2027-01-01 is 1798761600000`,
    },
    { field: CreateApiKeyRequestSchema.field.expiresAt, written: "30d", form: TIME },
    { field: CreateApiKeyRequestSchema.field.displayName, written: 5, form: undefined },
  ])("of $field.name, written as $written", ({ field, written, form }) => {
    expect(formOfNumber(field, written, SPELLINGS.json)).toBe(form);
  });
});
