import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { BadRequestSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { problemOf } from "../../llm.ts";
import { inWordsOf, isWithin, namesFrom } from "./field-names.ts";

const nameOf = namesFrom({ displayName: "--name", providerId: "--provider", price: "--set price", tiers: "--tier" });

function refusal(message: string, ...fields: readonly [field: string, description: string][]): ConnectError {
  const fieldViolations = fields.map(([field, description]) => ({ field, description }));
  const details = [{ desc: BadRequestSchema, value: { fieldViolations } }];
  return new ConnectError(message, Code.InvalidArgument, undefined, details);
}

describe("what a server says of fields", () => {
  it.each([
    {
      name: "names the options that stand for them",
      error: refusal(
        "displayName: is long; displayNames: stay; tiers[0].targets: is short",
        ["displayName", "is long"],
        ["tiers[0].targets", "is short"],
      ),
      told: "--name: is long; displayNames: stay; --tier: is short",
    },
    {
      name: "speaks of others by the way",
      error: refusal("price: is required without a providerId: or `displayName`", [
        "price",
        "is required without a providerId: or `displayName`",
      ]),
      told: "--set price: is required without a --provider: or --name",
    },
    {
      name: "stays as it is where nobody typed it",
      error: refusal("llmId: is taken; see llm.displayName", ["llmId", "is taken; see llm.displayName"]),
      told: "llmId: is taken; see llm.displayName",
    },
  ])("$name", ({ error, told }) => {
    const problem = problemOf(inWordsOf(nameOf, error));
    expect(problem.message).toBe(told);
    expect(problem.code).toBe("InvalidArgument");
    for (const { field, description } of problem.fields) expect(told).toContain(`${field}: ${description}`);
  });

  it("is no matter of errors that name none", () => {
    const error = new ConnectError("displayName: is what it is", Code.NotFound);
    expect(inWordsOf(nameOf, error)).toBe(error);
  });

  it("is within a field, and not beside one that begins alike", () => {
    expect(["a", "a.b", "a[0]"].map((path) => isWithin(path, "a"))).toEqual([true, true, true]);
    expect(["ab", "b.a"].map((path) => isWithin(path, "a"))).toEqual([false, false]);
  });
});
