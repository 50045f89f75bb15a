import { Link } from "wouter";
import { useLlm } from "../data/llms.ts";

/** What an Llm is called, where only its id is known. */
export function LlmName({ llmId }: { llmId: string }) {
  const { data } = useLlm(llmId);
  return <Link href={`/llms/${llmId}`}>{data?.displayName ?? llmId}</Link>;
}
