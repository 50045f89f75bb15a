import type { Llm, StoredPrice } from "../../store/schema/llm.entity.ts";
import { providers, providerTypeOf } from "../../upstream/models/provider-types.ts";
import { unsentConfig } from "../connections/client-config.ts";
import { endpointHint } from "../connections/endpoint.ts";
import { type Notice, type NoticeCode, PLAINTEXT } from "../connections/notice.ts";
import { isCatalogued, type ModelFacts } from "../models/catalog.ts";
import { describeInferred } from "../models/inference.ts";
import { endingOf, type ModelEnding } from "../models/model-state.ts";
import { inferredOf } from "./values.ts";

const ENDINGS: Readonly<Record<ModelEnding["state"], string>> = {
  DEPRECATED: "is deprecated",
  RETIRED: "is retired",
  MISSING: "is not among the models that the endpoint lists",
};

/** In dollars a million tokens; the cheapest model of the price catalog costs three times as much. */
const LEAST_RATE = 0.001;

/** What its owner may want to know of an Llm that was just written. */
export function noticesOf(llm: Llm, facts: ModelFacts | undefined): Notice[] {
  const providerType = providerTypeOf(llm);
  const notices: Notice[] = describeInferred(inferredOf(llm), llm.model.claims, facts).map((message) => ({
    code: "LLM_CAPABILITY_INFERRED",
    message,
  }));
  const add = (code: NoticeCode, message: string) => notices.push({ code, message });
  if (!facts && isCatalogued(providerType)) {
    add("MODEL_UNKNOWN", `the model catalog does not know ${llm.modelIdentifier}; test the connection to be sure`);
  }
  const ending = endingOf(llm);
  if (ending) add(`MODEL_${ending.state}`, describeEnding(llm.modelIdentifier, ending));
  if (!llm.hasCredentials && !llm.provider && providers[providerType].asksForKey) {
    add("CREDENTIALS_MISSING", `${providerType} asks for an API key, and no credentials are stored`);
  }
  if (llm.endpointUrl.startsWith("http:")) {
    add("PLAINTEXT_ENDPOINT", PLAINTEXT);
  }
  const hint = endpointHint(llm.endpointUrl, llm.apiPath, providerType !== "ANTHROPIC");
  if (hint) add("ENDPOINT_HINT", hint);
  if (llm.price?.input && llm.price.output && !llm.price.cacheRead) {
    add(
      "PRICE_INCOMPLETE",
      "the price has no rate for tokens that are read from a cache; the rate of the input is taken",
    );
  }
  for (const remark of ratesOfOneToken(llm.price)) add("PRICE_HINT", remark);
  const unsent = unsentConfig(llm);
  if (unsent.length > 0) {
    add(
      "CLIENT_CONFIG_NOT_SENT",
      `of client_config, what the API is not known to take is kept and not sent: ${unsent.join(", ")}`,
    );
  }
  return notices;
}

/** Rates are dollars a million tokens, and other programs' tables have them for one. */
function ratesOfOneToken(price: StoredPrice | null | undefined): string[] {
  const { setAt: _, ...rates } = price ?? { setAt: 0 };
  return Object.entries(rates)
    .filter(([, rate]) => Number(rate) > 0 && Number(rate) < LEAST_RATE)
    .map(([kind, rate]) => {
      const ofMillion = String(Math.round(Number(rate) * 1_000_000));
      return `price.${kind} says that a million tokens cost ${rate} dollars; if one of them does, it is "${ofMillion}"`;
    });
}

function describeEnding(model: string, { state, retiresAt, successor }: ModelEnding): string {
  const lastDay = retiresAt ? `, with ${retiresAt} as its last day` : "";
  return `${model} ${ENDINGS[state]}${lastDay}${successor ? `; its successor is ${successor}` : ""}`;
}
