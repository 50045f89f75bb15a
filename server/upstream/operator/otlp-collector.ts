import type { Secret } from "../../base/secret.ts";
import { type AllowRule, parseAllowRules } from "../egress/allow-rule.ts";
import { routeOf } from "../egress/check-url.ts";
import { Egress } from "../egress/egress.ts";

/** Where traces go. */
export interface OtlpTarget {
  /** Such as `http://localhost:4318/v1/traces`. */
  readonly url: string;
  /** Sent with each request; most often a token of the collector's. */
  readonly headers: Readonly<Record<string, Secret>>;
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * The one collector that the operator named, reached through an Egress of its own: whatever the policy for endpoints
 * closes, that origin is open here, and neither is it open to any Llm for that.
 */
export class OtlpCollector {
  readonly #egress: Egress;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, headers }: OtlpTarget) {
    this.#egress = new Egress({ allow: [ruleFor(url)] });
    this.#url = url;
    const revealed = Object.entries(headers).map(([name, value]) => [name, value.reveal()]);
    this.#headers = { ...Object.fromEntries(revealed), "content-type": "application/json", "user-agent": "patchbay" };
  }

  /** Posts OTLP in JSON; answers with the HTTP status. */
  async send(body: string): Promise<number> {
    const response = await this.#egress.request({
      ownerId: "operator",
      url: this.#url,
      method: "POST",
      headers: this.#headers,
      body,
      streamed: false,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.text(MAX_ANSWER_BYTES);
    return response.status;
  }

  close(): Promise<void> {
    return this.#egress.close();
  }
}

/** What opens the origin of a collector's URL, and nothing else; throws an Error when the URL cannot be called. */
export function ruleFor(url: string): AllowRule {
  const [rule] = parseAllowRules(new URL(url).origin);
  if (!rule) throw new Error("a URL without an origin");
  routeOf(url, [rule]);
  return rule;
}
