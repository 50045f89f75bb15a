import { createHmac } from "node:crypto";
import type { Secret } from "../../base/secret.ts";
import { Egress } from "../egress/egress.ts";
import { ruleFor } from "./otlp-collector.ts";

/** Who is told that limits are near, and what both know that nobody else does. */
export interface WebhookTarget {
  /** Such as `https://hooks.example.com/patchbay`. */
  readonly url: string;
  /** `whsec_` and 24 to 64 bytes in base64. */
  readonly secret: Secret;
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024;

/** Whether a text is such a secret. */
export function isWebhookSecret(text: string): boolean {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  const { length } = Buffer.from(encoded ?? "", "base64");
  return length >= 24 && length <= 64;
}

/**
 * The one receiver that the operator named, reached through an Egress of its own: that origin is open to it, and to no Llm
 * for that. Messages are signed by Standard Webhooks 1.0: whoever receives one can tell whose it is, and that it is new.
 */
export class LimitWebhook {
  readonly #egress: Egress;
  readonly #url: string;
  readonly #key: () => Buffer;

  constructor({ url, secret }: WebhookTarget) {
    this.#egress = new Egress({ allow: [ruleFor(url)] });
    this.#url = url;
    this.#key = () => Buffer.from(secret.reveal().slice("whsec_".length), "base64");
  }

  /** Posts a message that has the same id each time it is sent; answers with the HTTP status. */
  async send(id: string, body: string, signal: AbortSignal): Promise<number> {
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const signature = createHmac("sha256", this.#key()).update(`${id}.${timestamp}.${body}`).digest("base64");
    const response = await this.#egress.request({
      ownerId: "operator",
      url: this.#url,
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "patchbay",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": `v1,${signature}`,
      },
      body,
      streamed: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await response.text(MAX_ANSWER_BYTES);
    return response.status;
  }

  close(): Promise<void> {
    return this.#egress.close();
  }
}
