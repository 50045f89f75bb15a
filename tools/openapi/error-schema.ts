import type { Schema } from "./schema/open-api.ts";

/**
 * One detail of an error. It is one flat schema, and not one for each kind, as generators take the first kind of several
 * that fits: for them, a RequestInfo was an ErrorInfo without a reason.
 */
export const ERROR_DETAIL_SCHEMA: Schema = {
  type: "object",
  description: "What happened, for programs. Which other fields are there follows from `@type`.",
  properties: {
    "@type": {
      type: "string",
      description:
        "The kind: google.rpc.ErrorInfo, BadRequest, RetryInfo or RequestInfo; a later version may send more kinds.",
      examples: ["type.googleapis.com/google.rpc.ErrorInfo"],
    },
    reason: {
      type: "string",
      description: "Of an ErrorInfo: a word for programs to decide by. Its meaning never changes.",
      examples: ["LLM_DUPLICATE"],
    },
    domain: { type: "string", description: "Of an ErrorInfo: whose reason it is.", examples: ["patchbay"] },
    metadata: {
      type: "object",
      description: "Of an ErrorInfo: more about it, such as the llmId that is in the way.",
      additionalProperties: { type: "string" },
    },
    fieldViolations: {
      type: "array",
      description: "Of a BadRequest: the fields that are wrong.",
      items: {
        type: "object",
        properties: {
          field: { type: "string", description: "The path of the field." },
          description: { type: "string", description: "What is wrong with it." },
        },
      },
    },
    retryDelay: {
      type: "string",
      description: "Of a RetryInfo: when to try again; the header Retry-After says the same.",
      examples: ["30s"],
    },
    requestId: {
      type: "string",
      description: "Of a RequestInfo: names the call in the log of the server, as the header X-Request-Id does.",
    },
  },
  required: ["@type"],
};

/** The body of every error, by AIP-193. It is no message of the contract: REST alone wraps a google.rpc.Status so. */
export const ERROR_SCHEMA: Schema = {
  type: "object",
  description: "Why a call failed, by [AIP-193](https://google.aip.dev/193).",
  properties: {
    error: {
      type: "object",
      properties: {
        code: { type: "integer", description: "The HTTP status." },
        status: { type: "string", description: "The google.rpc.Code by name.", examples: ["ALREADY_EXISTS"] },
        message: { type: "string", description: "What happened, for people. It may be reworded at any time." },
        details: {
          type: "array",
          description: "What happened, for programs; an ErrorInfo is always among them.",
          items: { $ref: "#/components/schemas/ErrorDetail" },
        },
      },
      required: ["code", "status", "message", "details"],
    },
  },
  required: ["error"],
};
