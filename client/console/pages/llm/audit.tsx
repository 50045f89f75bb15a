import type { Llm } from "../../data/llms.ts";
import { AuditTable } from "../../parts/audit-table.tsx";

export function AuditOfLlm({ llm }: { llm: Llm }) {
  return <AuditTable filter={{ accountId: llm.ownerId, resourceType: "llm", resourceId: llm.llmId }} isOfOne />;
}
