import { Secret } from "../base/secret.ts";
import { isWebhookSecret, type WebhookTarget } from "../upstream/operator/limit-webhook.ts";
import { ruleFor } from "../upstream/operator/otlp-collector.ts";
import { ConfigError } from "./config.ts";

/** Reads the LIMIT_WEBHOOK_… settings; undefined when none is set. */
export function readLimitWebhook(read: (name: string) => string): WebhookTarget | undefined {
  const [url, secret] = [read("LIMIT_WEBHOOK_URL"), read("LIMIT_WEBHOOK_SECRET")];
  if (url === "" && secret === "") return undefined;
  if (url === "")
    throw new ConfigError("LIMIT_WEBHOOK_SECRET is set without LIMIT_WEBHOOK_URL, whose messages it signs.");
  try {
    ruleFor(url);
  } catch (error) {
    // The text may hold a password: it is not repeated.
    const advice = "it must look like https://hooks.example.com/patchbay, without a user name";
    throw new ConfigError(`LIMIT_WEBHOOK_URL cannot be used: ${advice}.`, { cause: error });
  }
  if (isWebhookSecret(secret)) return { url, secret: new Secret(secret) };
  throw new ConfigError(
    "LIMIT_WEBHOOK_SECRET must be whsec_ and 24 to 64 random bytes in base64: make one with " +
      'echo "whsec_$(openssl rand -base64 32)".',
  );
}
