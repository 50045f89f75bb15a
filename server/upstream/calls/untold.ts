import type { SamplingParams } from "../../base/sampling.ts";
import type { Untold } from "../models/adapter.ts";
import type { ModelRequest } from "../models/conversation.ts";
import type { Target } from "../models/provider-types.ts";
import { adapterOf } from "./adapters.ts";

/** What models that take no sampling parameters are not told. */
const CHOICES: readonly (readonly [keyof SamplingParams, Untold])[] = [
  ["temperature", "temperature"],
  ["topP", "top_p"],
  ["topK", "top_k"],
  ["frequencyPenalty", "frequency_penalty"],
  ["presencePenalty", "presence_penalty"],
];

/** What of a request its endpoint is not told, because its API, its server or its model would not take it. */
export function untoldOf(target: Target, request: ModelRequest): ReadonlySet<Untold> {
  const left = CHOICES.filter(([name]) => target.takesSampling === false && request.sampling[name] !== undefined);
  return new Set([...left.map(([, name]) => name), ...adapterOf(target.providerType).leavesOut(target, request)]);
}
