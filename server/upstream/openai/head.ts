import type { IncomingHttpHeaders } from "node:http";
import type { Billing } from "../models/conversation.ts";
import { picoDollars } from "./billing.ts";

/**
 * What a gateway says in the head of an answer, by names that nobody else has: what a whole reply cost, if LiteLLM has a price of
 * it, and whether another model replied, as LiteLLM and Cloudflare tell by how many they tried.
 */
export function readHead(headers: IncomingHttpHeaders): Billing {
  const cost = Number(headers["x-litellm-response-cost"] ?? Number.NaN);
  const tried = [headers["x-litellm-attempted-fallbacks"], headers["cf-aig-step"]].map(Number);
  return {
    ...(cost > 0 && cost < 1_000 && { costPicoUsd: picoDollars(cost) }),
    ...(tried.some((count) => count > 0) && { isFallback: true }),
  };
}
