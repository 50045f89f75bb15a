import type { Schema } from "./schema/open-api.ts";

const ERROR_INFO = detail("ErrorInfo", "The reason, a word for programs to decide by.", {
  reason: { type: "string", description: "Its meaning never changes.", examples: ["LLM_DUPLICATE"] },
  domain: { type: "string", description: "Whose reason it is.", examples: ["patchbay"] },
  metadata: {
    type: "object",
    description: "More about it, such as the llmId that is in the way.",
    additionalProperties: { type: "string" },
  },
});

const BAD_REQUEST = detail("BadRequest", "The fields that are wrong.", {
  fieldViolations: {
    type: "array",
    items: {
      type: "object",
      properties: {
        field: { type: "string", description: "The path of the field." },
        description: { type: "string", description: "What is wrong with it." },
      },
    },
  },
});

const RETRY_INFO = detail("RetryInfo", "When to try again; the header Retry-After says the same.", {
  retryDelay: { type: "string", examples: ["30s"] },
});

const REQUEST_INFO = detail("RequestInfo", "Where to find the call in the log of the server.", {
  requestId: { type: "string", description: "The header X-Request-Id of the answer." },
});

const OTHER: Schema = {
  title: "Other",
  type: "object",
  description: "A detail of a kind that this version does not send.",
  properties: { "@type": { type: "string" } },
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
          items: { anyOf: [ERROR_INFO, BAD_REQUEST, RETRY_INFO, REQUEST_INFO, OTHER] },
        },
      },
      required: ["code", "status", "message", "details"],
    },
  },
  required: ["error"],
};

function detail(name: string, description: string, properties: Schema): Schema {
  return {
    title: name,
    type: "object",
    description,
    properties: { "@type": { const: `type.googleapis.com/google.rpc.${name}` }, ...properties },
    required: ["@type"],
  };
}
