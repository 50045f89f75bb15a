import type { MessageInitShape } from "@bufbuild/protobuf";
import { WatchLlmsResponse_KindSchema, type WatchLlmsResponseSchema } from "../../gen/patchbay/v1/llm_service_pb.ts";
import type { LlmEvent } from "../domain/llms/llm-watch.ts";
import { numberOf } from "./enum-names.ts";
import { presentLlm } from "./present-llm.ts";

/** An event in the words of the contract. */
export function presentEvent(event: LlmEvent): MessageInitShape<typeof WatchLlmsResponseSchema> {
  const { kind, change, llm, resumeToken } = event;
  return {
    kind: numberOf(WatchLlmsResponse_KindSchema, kind.toUpperCase()),
    ...(change
      ? { llmId: change.resourceId, ownerId: change.ownerId, happenedAt: BigInt(change.happenedAt.getTime()) }
      : {}),
    ...(llm ? { llm: presentLlm(llm) } : {}),
    resumeToken,
  };
}
