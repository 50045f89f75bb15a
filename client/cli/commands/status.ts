import type { JsonObject } from "@bufbuild/protobuf";
import { Command } from "commander";
import { AccessService } from "../../../gen/patchbay/v1/access_service_pb.ts";
import { Llm_StatusSchema } from "../../../gen/patchbay/v1/llm_pb.ts";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import type { Connection } from "../calls/connection.ts";
import { wordsOf } from "../calls/json-problem.ts";
import { addExamples, invocationOf } from "../invocation.ts";
import { writeThing } from "../terminal/output.ts";

/** `patchbay status`: whether the server answers, who one is there, and how its Llms are. */
export function statusCommand(): Command {
  const command = new Command("status").description("tell whether the server answers, who you are, how your Llms are");
  return addExamples(command, ["patchbay status", "patchbay status -o json"]).action(async () => {
    const { connect, terminal, format } = invocationOf(command);
    const connection = await connect();
    const { url, keyOf = "" } = connection;
    const startedAt = performance.now();
    const { caller } = await connection.call(AccessService.method.getCaller, {});
    const latencyMs = Math.round(performance.now() - startedAt);
    const { accountId = "", apiKeyId = "", subject = "", role = "" } = caller as JsonObject;
    const counts = await countLlms(connection, String(accountId));
    const llms = format === "table" ? inWords(counts) : counts;
    writeThing(terminal, { url, keyOf, latencyMs, role, apiKeyId, subject, accountId, llms }, format, "url");
  });
}

/** `3 (2 active, 1 failing)`. */
function inWords({ all = 0, ...counts }: JsonObject): string {
  const told = Object.entries(counts).filter(([, count]) => count !== 0);
  const words = told.map(([status, count]) => `${count} ${status.toLowerCase().replaceAll("_", " ")}`);
  return all === 0 ? "none" : `${all} (${words.join(", ")})`;
}

/** How many Llms of an account there are in all, and with each status. */
async function countLlms(connection: Connection, ownerId: string): Promise<JsonObject> {
  const count = async (filter: JsonObject): Promise<[string, number]> => {
    const request = { ownerId, ...filter, pageSize: 1, includeTotalSize: true };
    const { totalSize } = await connection.call(LlmService.method.listLlms, request);
    return [String(filter.status ?? "all"), Number(totalSize)];
  };
  const filters = [{}, ...wordsOf(Llm_StatusSchema).map((status) => ({ status }))];
  return Object.fromEntries(await Promise.all(filters.map(count)));
}
