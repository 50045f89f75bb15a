/** The same words as `Notice.Code` in proto/patchbay/v1/notice.proto. */
export type NoticeCode =
  | "LLM_CAPABILITY_INFERRED"
  | "MODEL_UNKNOWN"
  | "MODEL_DEPRECATED"
  | "MODEL_RETIRED"
  | "MODEL_MISSING"
  | "CREDENTIALS_MISSING"
  | "PLAINTEXT_ENDPOINT"
  | "ENDPOINT_HINT"
  | "PARTIAL_RESULTS"
  | "CLIENT_CONFIG_NOT_SENT"
  | "HISTORY_LEFT_OUT"
  | "HISTORY_CUT_BY_ENDPOINT"
  | "REPLY_NOT_JSON"
  | "PROVIDER_STATE_NOT_SENT"
  | "FALLBACK_REPLIED"
  | "PRICE_INCOMPLETE"
  | "NOT_KEPT"
  | "CREDENTIALS_HINT"
  | "PRICE_HINT";

/** A remark on something that succeeded. */
export interface Notice {
  readonly code: NoticeCode;
  readonly message: string;
}

/** What to know of an endpoint that is reached over http. */
export const PLAINTEXT = "prompts, replies and the key travel to this endpoint without encryption";
