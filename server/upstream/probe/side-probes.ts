import type { SamplingParams } from "../../base/sampling.ts";
import { type Outlet, wholeReply } from "../calls/call.ts";
import type { Egress } from "../egress/egress.ts";
import type { ModelRequest } from "../models/conversation.ts";
import { UpstreamFailure } from "../models/failure.ts";
import { parseObject } from "../models/json-value.ts";
import type { Target } from "../models/provider-types.ts";
import type { TestOutcome, TestStage } from "./verdict.ts";

/** What a test looks at beside whether a chat works. None of it makes the test OK or not. */
export interface SideQuestions {
  /** Empty: there is none. */
  readonly monitoringUrl: string;
  /** Whether the model is said to call tools. */
  readonly claimsTools: boolean;
}

/** What came of asking the monitoring endpoint how it is: one GET without the key, of which only the status is read. */
export async function monitoringStage(
  egress: Egress,
  { ownerId }: Target,
  { monitoringUrl }: SideQuestions,
  signal: AbortSignal,
): Promise<TestStage> {
  if (monitoringUrl === "") return stage("MONITORING", "SKIPPED");
  const timeout = AbortSignal.timeout(egress.limits.monitoringMs);
  try {
    const response = await egress.request({
      ownerId,
      url: monitoringUrl,
      method: "GET",
      headers: { "user-agent": "patchbay", accept: "*/*" },
      streamed: false,
      signal: AbortSignal.any([signal, timeout]),
    });
    response.cancel();
    if (response.status < 400) return stage("MONITORING", "PASSED");
    return stage("MONITORING", "FAILED", `the monitoring endpoint answered with HTTP ${response.status}`);
  } catch (error) {
    if (error instanceof UpstreamFailure) return stage("MONITORING", "FAILED", error.message);
    if (!timeout.aborted || signal.aborted) throw error;
    return stage("MONITORING", "FAILED", "the monitoring endpoint did not answer in time");
  }
}

/**
 * What came of asking a model that replied to call a tool: one more call, not streamed, and only of a model that is said
 * to call tools. It is asked and not forced: many servers do not know the force, so a model that talks proves nothing.
 */
export async function toolsStage(
  outlet: Outlet,
  target: Target,
  { claimsTools, sampling }: SideQuestions & { readonly sampling: SamplingParams },
  outcome: TestOutcome,
  signal: AbortSignal,
): Promise<TestStage> {
  if (!claimsTools || outcome !== "OK") return stage("TOOLS", "SKIPPED");
  const timeout = AbortSignal.timeout(outlet.egress.limits.testMs);
  try {
    const question = { ...TOOL_QUESTION, sampling: { ...sampling, ...TOOL_QUESTION.sampling } };
    const { toolCalls } = await wholeReply(outlet, target, question, { signal: AbortSignal.any([signal, timeout]) });
    if (toolCalls.some(isOurCall)) return stage("TOOLS", "PASSED");
    return stage("TOOLS", "INCONCLUSIVE", "the model replied without calling the tool that it was asked to call");
  } catch (error) {
    if (error instanceof UpstreamFailure) {
      return stage("TOOLS", refusesTools(error) ? "FAILED" : "INCONCLUSIVE", error.message);
    }
    if (!timeout.aborted || signal.aborted) throw error;
    return stage("TOOLS", "INCONCLUSIVE", "no reply to a question with a tool came in time");
  }
}

/** A refusal of something else says nothing of tools. */
function refusesTools({ kind, facts: { parameter = "", feature } }: UpstreamFailure): boolean {
  return kind === "feature-refused"
    ? feature === "tools"
    : kind.endsWith("-refused") && /^(tool|function)/.test(parameter);
}

const TOOL_NAME = "report_status";

const TOOL_QUESTION: ModelRequest = {
  messages: [
    { role: "user", parts: [{ type: "text", text: `Call the tool ${TOOL_NAME} with the status OK.` }], toolCalls: [] },
  ],
  sampling: { maxTokens: 256 },
  tools: [
    {
      name: TOOL_NAME,
      description: "Reports a status.",
      parameters: { type: "object", properties: { status: { type: "string" } }, required: ["status"] },
    },
  ],
};

function isOurCall(call: { readonly name: string; readonly arguments: string }): boolean {
  return call.name === TOOL_NAME && parseObject(call.arguments) !== undefined;
}

function stage(name: TestStage["name"], state: TestStage["state"], message = ""): TestStage {
  return { name, state, message };
}
