import type { IncomingHttpHeaders } from "node:http";
import type { Billing } from "../models/conversation.ts";
import type { Target } from "../models/provider-types.ts";
import { isOtherModel } from "../models/same-model.ts";
import { picoDollars } from "./billing.ts";

/**
 * What a gateway says in the head of an answer, by names that nobody else has: what a whole reply cost, if LiteLLM has a price of
 * it, whether another model replied, as LiteLLM and Cloudflare tell by how many they tried and ngrok by its name, and whether
 * Cloudflare, Portkey or Helicone had the reply in a cache, so that it cost nothing.
 */
export function readHead(headers: IncomingHttpHeaders, { model }: Pick<Target, "model">): Billing {
  const cost = Number(headers["x-litellm-response-cost"] ?? Number.NaN);
  const tried = [headers["x-litellm-attempted-fallbacks"], headers["cf-aig-step"]].map(Number);
  const caches = [headers["cf-aig-cache-status"], headers["x-portkey-cache-status"], headers["helicone-cache"]];
  const isFromCache = caches.some((status) => /^(semantic )?hit$/i.test(String(status)));
  return {
    ...(cost > 0 && cost < 1_000 && { costPicoUsd: picoDollars(cost) }),
    ...(isFromCache && { costPicoUsd: 0, isFromCache }),
    ...((tried.some((count) => count > 0) || hasNgrokFallen(headers, model)) && { isFallback: true }),
  };
}

/** Once more with another key is no fallback, so the name has to be another one; a vendor may stand before it, with a colon. */
function hasNgrokFallen(headers: IncomingHttpHeaders, asked: string): boolean {
  const replied = String(headers["ngrok-aig-model"] ?? "");
  const wasTried = Number(headers["ngrok-aig-attempts"]) > 1 || headers["ngrok-aig-rejected-models"] !== undefined;
  return wasTried && [asked, asked.replace(/^[\w-]+:/, "")].every((name) => isOtherModel(name, replied));
}
