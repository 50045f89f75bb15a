import { expect, it } from "vitest";
import { readHead } from "./head.ts";

const GEMINI = { "ngrok-aig-attempts": "3", "ngrok-aig-model": "gemini-3.6-flash" };

// ngrok's are of its page "Find out why a request failed over", the caches of Cloudflare's, Portkey's and Helicone's pages.
it.each([
  { name: "a cost", headers: { "x-litellm-response-cost": "0.004" }, says: { costPicoUsd: 4_000_000_000 } },
  { name: "no cost that is none", headers: { "x-litellm-response-cost": "0" }, says: {} },
  { name: "a fallback of LiteLLM", headers: { "x-litellm-attempted-fallbacks": "1" }, says: { isFallback: true } },
  { name: "a fallback of Cloudflare", headers: { "cf-aig-step": "1" }, says: { isFallback: true } },
  { name: "a fallback of ngrok", headers: GEMINI, says: { isFallback: true } },
  { name: "another key of ngrok", headers: { ...GEMINI, "ngrok-aig-model": "gpt-4o" }, says: {} },
  { name: "a model of ngrok's own choice", headers: { ...GEMINI, "ngrok-aig-attempts": "1" }, says: {} },
  {
    name: "a model that ngrok passed over",
    headers: { ...GEMINI, "ngrok-aig-attempts": "1", "ngrok-aig-rejected-models": "gpt-4o" },
    says: { isFallback: true },
  },
  {
    name: "a reply of Cloudflare's cache",
    headers: { "cf-aig-cache-status": "HIT" },
    says: { costPicoUsd: 0, isFromCache: true },
  },
  {
    name: "a reply of Portkey's cache",
    headers: { "x-portkey-cache-status": "SEMANTIC HIT" },
    says: { costPicoUsd: 0, isFromCache: true },
  },
  {
    name: "a reply that was in no cache",
    headers: { "cf-aig-cache-status": "MISS", "helicone-cache": "MISS" },
    says: {},
  },
])("tells $name", ({ headers, says }) => expect(readHead(headers, { model: "openai:gpt-4o" })).toEqual(says));
