import { Secret } from "../../base/secret.ts";
import { type AskOptions, ask, askForModels, isMissing, type Vendor, withinTestTime } from "../calls/list.ts";
import type { Egress } from "../egress/egress.ts";
import { UpstreamFailure } from "../models/failure.ts";
import type { Target } from "../models/provider-types.ts";
import { providers } from "../models/provider-types.ts";
import { stagesOf, type TestResult, verdictOf } from "./verdict.ts";

/** Not a key: who answers it as it answers ours has looked at neither. */
const CONTROL = new Secret("sk-patchbay-control-this-is-not-a-key");

const LOOK_AT_A_MODEL = "test an Llm to know";

/** What an answer proves of the key. */
interface Proof {
  readonly key: "PASSED" | "INCONCLUSIVE";
  readonly message: string;
}

/**
 * Asks a vendor for what it only tells those who have a key: its models, or where it tells those to anybody, about the
 * key. Nothing is used up by it, and no model is asked to reply.
 *
 * Many servers list their models whatever the key. So a key is proven by two calls: one with it that succeeds, and one
 * with another key that is refused.
 */
export async function testVendor(egress: Egress, vendor: Vendor, options: AskOptions): Promise<TestResult> {
  const startedAt = performance.now();
  const target: Target = { ...vendor, apiPath: "", model: "" };
  let latencyMs: number | undefined;
  let httpStatus: number | undefined;
  const elapsedMs = () => latencyMs ?? Math.round(performance.now() - startedAt);
  try {
    const { key, message } = await withinTestTime(egress, options, async (options) => {
      httpStatus = await askForProof(egress, vendor, options);
      latencyMs = elapsedMs();
      return proofOf(egress, vendor, options);
    });
    return {
      outcome: key === "PASSED" ? "OK" : "INCONCLUSIVE",
      failure: undefined,
      message,
      stages: stagesOf(key === "PASSED" ? "PPPSSS" : "PPISSS", target, {}, ""),
      latencyMs: elapsedMs(),
      httpStatus,
      model: "",
      headersMs: undefined,
      firstTokenMs: undefined,
    };
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    return resultOfFailure(error, target, elapsedMs());
  }
}

/** The status of an answer that was a good one. */
async function askForProof(egress: Egress, vendor: Vendor, options: AskOptions): Promise<number> {
  const { keyPath } = providers[vendor.providerType];
  if (keyPath === undefined) {
    await askForModels(egress, vendor, options);
    return 200;
  }
  const { status, body } = await ask(egress, vendor, keyPath, {}, options);
  if (body) return status;
  throw new UpstreamFailure("bad-reply", "the endpoint's answer is not one of the provider's API", {
    httpStatus: status,
  });
}

async function proofOf(egress: Egress, vendor: Vendor, options: AskOptions): Promise<Proof> {
  const { apiKey, providerType } = vendor;
  if (apiKey === undefined) {
    if (!providers[providerType].listsToAnybody)
      return { key: "PASSED", message: "the endpoint answers without a key" };
    const message = `the endpoint lists its models to anybody, which does not tell whether chats take a key; ${LOOK_AT_A_MODEL}`;
    return { key: "INCONCLUSIVE", message };
  }
  try {
    await askForProof(egress, { ...vendor, apiKey: { ...apiKey, secret: CONTROL } }, options);
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    if (error.kind === "key-refused") return { key: "PASSED", message: "the endpoint accepted the key" };
    const message = `the endpoint answered, but it could not be told whether it looked at the key; ${LOOK_AT_A_MODEL}`;
    return { key: "INCONCLUSIVE", message };
  }
  return { key: "INCONCLUSIVE", message: `the endpoint answers whatever the key; ${LOOK_AT_A_MODEL}` };
}

/** What is behind the key was not tried; and an endpoint without a list may work all the same. */
function resultOfFailure(failure: UpstreamFailure, target: Target, latencyMs: number): TestResult {
  const result = verdictOf(failure, target, {}, latencyMs);
  const stages = result.stages.map((stage, index) =>
    index < 3 ? stage : { ...stage, state: "SKIPPED" as const, message: "" },
  );
  if (failure.kind !== "bad-reply" || !isMissing(failure)) return { ...result, stages };
  return { ...result, stages, outcome: "INCONCLUSIVE", message: `${failure.message}, or ${LOOK_AT_A_MODEL}` };
}
