/** What programs that serve models listen on by themselves, on the machine of the server. */
import { call } from "../calls/call.ts";
import { Outcome } from "./connection-tests.ts";
import { llmMethods, ProviderType } from "./llms.ts";

export interface Candidate {
  readonly title: string;
  readonly name: string;
  readonly providerType: ProviderType;
  readonly endpointUrl: string;
}

export interface Found {
  readonly found: readonly Candidate[];
  /** What the server may not reach: who administers it decides. */
  readonly closed: readonly Candidate[];
  readonly silent: readonly Candidate[];
}

const PROGRAMS = [
  { title: "Ollama", name: "ollama", providerType: ProviderType.OLLAMA, port: 11_434 },
  { title: "llama.cpp", name: "llama-cpp", providerType: ProviderType.LLAMA_CPP, port: 8_080 },
  { title: "vLLM", name: "vllm", providerType: ProviderType.VLLM, port: 8_000 },
  { title: "LM Studio", name: "lm-studio", providerType: ProviderType.CUSTOM_OPENAI_COMPATIBLE, port: 1_234 },
  { title: "LiteLLM", name: "litellm", providerType: ProviderType.LITELLM_PROXY, port: 4_000 },
];
const HOSTS = ["localhost", "127.0.0.1"];

/** A model that nobody has: a program that looks at the name answers without loading one. */
const NO_MODEL = "is-anybody-there";

const ANSWERS = new Set<number>([
  Outcome.OK,
  Outcome.KEY_REFUSED,
  Outcome.MODEL_NOT_FOUND,
  Outcome.RATE_LIMITED,
  Outcome.QUOTA_EXHAUSTED,
  Outcome.BUSY,
  Outcome.REFUSED,
  Outcome.INCONCLUSIVE,
]);

/** Has the server test each place; what its egress rules close is not even tried. */
export async function lookAround(): Promise<Found> {
  const results = await Promise.all(PROGRAMS.map((program) => lookAt(program)));
  const of = (kind: string) => results.filter((result) => result.kind === kind).map(({ candidate }) => candidate);
  return { found: of("found"), closed: of("closed"), silent: of("silent") };
}

async function lookAt({ port, ...program }: (typeof PROGRAMS)[number]) {
  const outcomes = await Promise.all(
    HOSTS.map(async (host) => {
      const candidate = { ...program, endpointUrl: `http://${host}:${port}/v1` };
      const { providerType, endpointUrl } = candidate;
      const { test } = await call(llmMethods.testConnection, { providerType, endpointUrl, modelIdentifier: NO_MODEL });
      const outcome: number = test?.outcome ?? 0;
      const kind = ANSWERS.has(outcome) ? "found" : outcome === Outcome.BLOCKED ? "closed" : "silent";
      return { candidate, kind };
    }),
  );
  for (const kind of ["found", "silent"]) {
    const result = outcomes.find((one) => one.kind === kind);
    if (result) return result;
  }
  return outcomes[0] as (typeof outcomes)[number];
}
