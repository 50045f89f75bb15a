import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs, type ValueSchema } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { Llm } from "../../../gen/patchbay/v1/llm_pb.ts";
import type { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";

export type Llms = Client<typeof LlmService>;

/** An Llm by its id. */
export async function getLlm(llms: Llms, llmId: string): Promise<Llm> {
  const { llm } = await llms.getLlm({ llmId });
  if (!llm) throw new Error("GetLlm answered without an Llm");
  return llm;
}

/** All Llms of an account, for an API that has no pages. */
export async function listAllLlms(llms: Llms, ownerId: string): Promise<Llm[]> {
  const all: Llm[] = [];
  for (let pageToken = ""; ; ) {
    const page = await llms.listLlms({ ownerId, pageSize: 1_000, pageToken });
    all.push(...page.llms);
    pageToken = page.nextPageToken;
    if (pageToken === "") return all;
  }
}

/** A text, or null in its place. */
export function textOrNull(text: string | undefined): MessageInitShape<typeof ValueSchema> {
  return { kind: text === undefined ? { case: "nullValue", value: 0 } : { case: "stringValue", value: text } };
}

/** A number, or null in its place. */
export function numberOrNull(number: bigint | number | undefined): MessageInitShape<typeof ValueSchema> {
  const kind = number === undefined ? NULL : { case: "numberValue" as const, value: Number(number) };
  return { kind };
}

const NULL = { case: "nullValue" as const, value: 0 };

/** A time as the references write it: to the second. */
export function wholeSeconds(ms: bigint | number): Timestamp {
  return timestampFromMs(Math.floor(Number(ms) / 1_000) * 1_000);
}
