import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AuditEventSchema } from "../../gen/patchbay/v1/audit_event_pb.ts";
import type { AuditService } from "../../gen/patchbay/v1/audit_service_pb.ts";
import { canonicalId } from "../base/uuids.ts";
import type { AuditLog } from "../domain/access/audit-log.ts";
import type { AuditRecord } from "../domain/call/audit-record.ts";
import type { AuditRow } from "../store/queries/audit.ts";
import { scopeOf } from "./call/context.ts";

/** The rpcs of AuditService: unpack, ask the domain, present. */
export function auditRpcs({ auditLog }: { auditLog: AuditLog }): ServiceImpl<typeof AuditService> {
  return {
    async listAuditEvents(request, context) {
      const { accountId, resourceType, action, pageSize, pageToken } = request;
      const filter = { accountId, resourceType, resourceId: canonicalId(request.resourceId), action };
      const page = await auditLog.list(scopeOf(context), filter, pageSize, pageToken);
      return { auditEvents: page.rows.map(presentEvent), nextPageToken: page.nextPageToken };
    },

    async *exportAuditEvents({ accountId, after }, context) {
      for await (const row of auditLog.export(scopeOf(context), accountId, Number(after))) {
        const { sequence, record, hash } = row;
        yield { accountId: row.accountId, sequence: BigInt(sequence), record, hash: hash.toString("hex") };
      }
    },
  };
}

function presentEvent({ accountId, sequence, record }: AuditRow): MessageInitShape<typeof AuditEventSchema> {
  const { at, ...said } = JSON.parse(record) as AuditRecord;
  return { ...said, accountId, sequence: BigInt(sequence), at: BigInt(at) };
}
