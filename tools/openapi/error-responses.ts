import { type DescMethod, hasOption, type Registry } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { requirement } from "../../gen/patchbay/v1/permission_pb.ts";
import { type Facts, Fault, type Reason } from "../../server/base/fault.ts";
import { mediaTypeNotSupported, messageTooLarge, type WireReason } from "../../server/wire/call/wire-error.ts";
import { ERROR_DOMAIN, refuse } from "../../server/wire/gate/errors.ts";
import {
  describeAnswer,
  type ErrorAnswer,
  type ErrorFormat as Format,
  presentError,
} from "../../server/wire/rest/errors.ts";
import type { Failure, Reasons } from "./failures.ts";
import type { Content, Examples, Response, Schema } from "./schema/open-api.ts";
import { splitSentence } from "./schema/prose.ts";

/** How the errors of some paths look, and what is said of it. */
export interface ErrorFormat extends Format {
  /** The name of the schema. */
  readonly name: string;
  readonly schema: Schema;
}

/** What the errors for some reasons say beside their sentence. */
const FACTS: Partial<Record<Reason, Facts>> = {
  INVALID_REQUEST: { fields: [{ field: "display_name", description: "must not be missing or empty" }] },
  PERMISSION_MISSING: { metadata: { permission: "READ_LLM_OWN" } },
  LLM_ID_TAKEN: { metadata: { llmId: "5b1f2a3c-6d7e-4f80-91a2-b3c4d5e6f708", sameRequest: "true" } },
  LLM_DUPLICATE: { metadata: { llmId: "5b1f2a3c-6d7e-4f80-91a2-b3c4d5e6f708", sameRequest: "false" } },
  UPSTREAM_RATE_LIMITED: { retryAfterMs: 30_000 },
};

/** What rpcs fail with that require a permission. */
const ADMISSION: readonly Reason[] = ["API_KEY_REFUSED", "PERMISSION_MISSING"];

/** What every call may fail with, whatever its rpc. */
const UNDECLARED: readonly [Reason | WireReason, ConnectError][] = [
  ["MEDIA_TYPE_NOT_SUPPORTED", mediaTypeNotSupported("", {})],
  ["MESSAGE_TOO_LARGE", messageTooLarge(0)],
  ["STORE_UNAVAILABLE", faultOf("STORE_UNAVAILABLE", "")],
  ["SERVER_STOPPING", faultOf("SERVER_STOPPING", "")],
  ["DEADLINE_PASSED", faultOf("DEADLINE_PASSED", "")],
  ["INTERNAL_ERROR", faultOf("INTERNAL_ERROR", "")],
];

const RETRY_AFTER = {
  "Retry-After": {
    description: "When to try again, in seconds, if that is known.",
    schema: { type: "integer", minimum: 0 },
  },
};

/** The error responses of rpcs, by HTTP status; the example for each reason is the body that the server writes for it. */
export class ErrorResponses {
  readonly #reasons: Reasons;
  readonly #registry: Registry;
  readonly #format: ErrorFormat | undefined;

  /** Errors look as everywhere, or as a format says. */
  constructor(reasons: Reasons, registry: Registry, format?: ErrorFormat) {
    this.#reasons = reasons;
    this.#registry = registry;
    this.#format = format;
  }

  /** What an rpc declares and what it cannot be without, and `default` for all else. */
  of(method: DescMethod, declared: readonly Failure[]): Readonly<Record<string, Response>> {
    const common: readonly Reason[] = ["INVALID_REQUEST", ...(hasOption(method, requirement) ? ADMISSION : [])];
    const failures = [...common.map((reason) => this.#reasons.failure(reason)), ...declared];
    const byStatus = Map.groupBy(failures, ({ reasons: [reason] }) => this.#answer(reason).httpStatus);
    const responses = [...byStatus].map(([status, ofStatus]) => [status, this.#response(ofStatus)]);
    return { ...Object.fromEntries(responses), default: this.#anyOther() };
  }

  #response(failures: readonly Failure[]): Response {
    const reasons = new Set(failures.flatMap((failure) => failure.reasons));
    const mayPass = failures.some(({ code }) => code === "RESOURCE_EXHAUSTED" || code === "UNAVAILABLE");
    const examples = [...reasons].map((reason) => [reason, { value: this.#answer(reason).body }]);
    return {
      description: [...Map.groupBy(failures, ({ code }) => code)]
        .map(([code, ofCode]) => this.#describe(code, ofCode))
        .join("\n\n"),
      ...(mayPass && { headers: RETRY_AFTER }),
      content: this.#content(Object.fromEntries(examples)),
    };
  }

  #describe(code: string, failures: readonly Failure[]): string {
    const reasons = new Set(failures.flatMap((failure) => failure.reasons));
    const conditions = failures.flatMap(({ conditions }) => conditions ?? []);
    const meanings = [...reasons].map((reason) => `- \`${reason}\`: ${this.#reasons.meaningOf(reason)}`);
    return [`**${code}**`, ...conditions.map((condition) => `${condition}.`), meanings.join("\n")].join("\n\n");
  }

  #anyOther(): Response {
    const meanings = UNDECLARED.map(([reason, error]) => {
      const { httpStatus } = this.#present(error);
      return `- \`${reason}\` (${httpStatus}): ${this.#reasons.meaningOf(reason)}`;
    });
    return {
      description: `Any other error. What every call may get:\n\n${meanings.join("\n")}`,
      content: this.#content({ INTERNAL_ERROR: { value: this.#answer("INTERNAL_ERROR").body } }),
    };
  }

  #answer(reason: string | undefined): ErrorAnswer {
    const [sentence] = splitSentence(this.#reasons.meaningOf(reason));
    return this.#present(faultOf(reason as Reason, sentence.replaceAll("`", "").replace(/\.$/, "")));
  }

  #present(error: ConnectError): ErrorAnswer {
    const answer = presentError(error, { errorDomain: ERROR_DOMAIN, registry: this.#registry });
    if (!this.#format) return answer;
    const { httpStatus, body } = this.#format.present(describeAnswer(error, answer), this.#format.paths[0] ?? "");
    return { ...answer, httpStatus, body };
  }

  #content(examples: Examples): Content {
    return {
      "application/json": {
        schema: { $ref: `#/components/schemas/${this.#format?.name ?? "ErrorResponse"}` },
        examples,
      },
    };
  }
}

function faultOf(reason: Reason, message: string): ConnectError {
  return refuse(new Fault(reason, message, FACTS[reason]), "0f8fad5b-d9cb-469f-a165-70867728950e", () => undefined)
    .error;
}
