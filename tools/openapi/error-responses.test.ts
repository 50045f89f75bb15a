import { describe, expect, it } from "vitest";
import { documentOf, operationAt } from "./test-contract.ts";

function responsesOf(comment: string) {
  const document = documentOf({
    messages: { In: { llm_id: "string" }, Out: {} },
    rpcs: {
      Call: { input: "In", output: "Out", rule: { pattern: { case: "get", value: "/v1/a" } } },
      Other: { input: "In", output: "Out" },
    },
    comments: {
      "test.v1.Service.Call": comment,
      "test.v1.Service.Other": "Other.\n\nFails with NOT_FOUND: LLM_NOT_FOUND.",
    },
  });
  return operationAt(document, "get", "/v1/a").responses;
}

describe("the error responses of an rpc", () => {
  it("are those that its comment names, by status", () => {
    const comment =
      "Calls.\n\nFails with ALREADY_EXISTS: LLM_ID_TAKEN if llm_id is\nin use, LLM_DUPLICATE. ABORTED: ETAG_MISMATCH.";
    const responses = responsesOf(comment);
    expect(Object.keys(responses)).toEqual(["200", "400", "409", "default"]);
    expect(responses[409]?.description).toBe(
      [
        "**ALREADY_EXISTS**",
        "`LLM_ID_TAKEN` if `llmId` is in use, `LLM_DUPLICATE`.",
        "- `LLM_ID_TAKEN`: the id is in use.\n- `LLM_DUPLICATE`: there is one.",
        "**ABORTED**",
        "- `ETAG_MISMATCH`: it changed.",
      ].join("\n\n"),
    );
  });

  it("show what the server writes for each reason", () => {
    const { content } = responsesOf("Calls.\n\nFails with NOT_FOUND: LLM_NOT_FOUND.")[404] ?? {};
    expect(content?.["application/json"]).toEqual({
      schema: { $ref: "#/components/schemas/ErrorResponse" },
      examples: {
        LLM_NOT_FOUND: {
          value: {
            error: {
              code: 404,
              status: "NOT_FOUND",
              message: "there is no such Llm",
              details: [
                {
                  "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                  reason: "LLM_NOT_FOUND",
                  domain: "patchbay",
                },
                { "@type": "type.googleapis.com/google.rpc.RequestInfo", requestId: expect.any(String) },
              ],
            },
          },
        },
      },
    });
  });

  it("are those of another rpc, if the comment says so", () => {
    expect(responsesOf("Calls.\n\nFails as Other does.")[404]?.description).toContain("`LLM_NOT_FOUND`");
  });

  it("say that waiting helps, where it may", () => {
    const comment = "Calls.\n\nFails with RESOURCE_EXHAUSTED: UPSTREAM_RATE_LIMITED. ABORTED: ETAG_MISMATCH.";
    const responses = responsesOf(comment);
    expect(responses[429]?.headers).toHaveProperty("Retry-After");
    expect(responses[409]).not.toHaveProperty("headers");
  });

  it.each([
    ["Fails with NOT_FOUND: LLM_NOT_FONUD.", "LLM_NOT_FONUD is no reason of the contract"],
    [
      "Fails with ABORTED: LLM_NOT_FOUND.",
      "LLM_NOT_FOUND is under ABORTED, but the contract says that its code is NOT_FOUND",
    ],
    ["Fails with NOT_FOUND: if there is none.", "it gives no reason for NOT_FOUND"],
    ["Fails at times.", "it does not say `Fails with CODE: REASON`"],
    ["Fails as Nobody does.", "it does not say `Fails with CODE: REASON`"],
  ])("cannot be wrong: %s", (sentence, problem) => {
    expect(() => responsesOf(`Calls.\n\n${sentence}`)).toThrow(
      `the comment of rpc test.v1.Service.Call is wrong: ${problem}`,
    );
  });
});
