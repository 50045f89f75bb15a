import { toJson } from "@bufbuild/protobuf";
import { createPatchbay, type Patchbay } from "../../client/llm.ts";
import { Llm_ProviderType } from "../../gen/patchbay/v1/llm_pb.ts";
import { GetLlmResponseSchema } from "../../gen/patchbay/v1/llm_service_pb.ts";
import { MODELS, type Model } from "../peers/replies.ts";
import type { ServerProcess } from "./process.ts";

/** The key that the mock model is called with, through whomever. */
export const UPSTREAM_KEY = "sk-bench-0123456789abcdefghijklmn";

/** A running Patchbay with one Llm for each model of the mock. */
export interface PatchbayServer {
  readonly pid: number;
  readonly url: string;
  readonly authorization: string;
  readonly client: Patchbay;
  readonly llmIds: Readonly<Record<Model, string>>;
  readonly process: ServerProcess;
}

/** Registers the models of the mock with a server that has just been started. */
export async function furnish(process: ServerProcess, apiKey: string, modelUrl: string): Promise<PatchbayServer> {
  const [url = ""] = await process.urls();
  const client = createPatchbay({ url, apiKey });
  const llmIds: Partial<Record<Model, string>> = {};
  for (const model of Object.keys(MODELS) as Model[]) {
    const { llm } = await client.llms.createLlm({
      displayName: `The mock's ${model} model`,
      description: "Replies at once, with bytes that were made before.",
      providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE,
      endpointUrl: `${modelUrl}/v1`,
      modelIdentifier: model,
      credentials: { apiKey: { source: { case: "inlineSecret", value: UPSTREAM_KEY } } },
      labels: { team: "bench", stage: "test" },
      defaultSamplingParams: { temperature: 0.7, maxTokens: 1024 },
      maxContextLength: 128_000,
    });
    llmIds[model] = llm?.llmId ?? "";
  }
  return {
    pid: process.pid,
    url,
    authorization: `Bearer ${apiKey}`,
    client,
    llmIds: llmIds as Record<Model, string>,
    process,
  };
}

/** What GetLlm answers, as JSON, for the peers that shall answer the same. */
export async function getLlmAnswer({ client, llmIds }: PatchbayServer): Promise<string> {
  return JSON.stringify(toJson(GetLlmResponseSchema, await client.llms.getLlm({ llmId: llmIds.brief })));
}
