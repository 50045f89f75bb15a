import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { UsageRowSchema } from "../../gen/patchbay/v1/usage_pb.ts";
import {
  QueryUsageRequest_GroupBy as GroupBy,
  type QueryUsageRequest,
  type UsageService,
} from "../../gen/patchbay/v1/usage_service_pb.ts";
import type { UsageReport } from "../domain/usage/usage-report.ts";
import type { UsageDimension, UsageQuery, UsageSum } from "../store/usage-queries.ts";
import { scopeOf } from "./scope-key.ts";

const DIMENSIONS: Readonly<Record<GroupBy, UsageDimension | undefined>> = {
  [GroupBy.GROUP_BY_UNSPECIFIED]: undefined,
  [GroupBy.DAY]: "day",
  [GroupBy.LLM]: "llm",
  [GroupBy.OWNER]: "owner",
  [GroupBy.LABEL]: "label",
};

/** The name of the field that has a dimension's value. */
const FIELDS = { day: "day", llm: "llmId", owner: "ownerId", label: "labelValue" } as const;

/** The rpcs of UsageService: unpack, ask the domain, present. */
export function usageRpcs({ usage }: { usage: UsageReport }): ServiceImpl<typeof UsageService> {
  return {
    async queryUsage(request, context) {
      const query = readQuery(request);
      const page = await usage.query(scopeOf(context), query, request.pageSize, request.pageToken);
      return { rows: page.rows.map((row) => presentSum(query, row)), nextPageToken: page.nextPageToken };
    },
  };
}

function readQuery(request: QueryUsageRequest): UsageQuery {
  const { labels, startDay, endDay, labelKey } = request;
  return {
    ownerId: request.ownerId.toLowerCase() || undefined,
    llmId: request.llmId.toLowerCase() || undefined,
    labels,
    startDay,
    endDay,
    groupBy: request.groupBy.flatMap((dimension) => DIMENSIONS[dimension] ?? []),
    labelKey,
  };
}

function presentSum({ groupBy }: UsageQuery, { values, ...sums }: UsageSum): MessageInitShape<typeof UsageRowSchema> {
  const told = Object.fromEntries(groupBy.map((dimension, index) => [FIELDS[dimension], values[index]]));
  return { ...sums, ...told };
}
