import type { JsonObject } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { RouteService } from "../../../gen/patchbay/v1/route_service_pb.ts";
import { EXIT, isCallError, UsageError } from "../failure.ts";
import type { Connection } from "./connection.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** How many Llms of a name are looked at. */
const MAX_CANDIDATES = 100;

/** What an alias may look like; nothing else is asked for. */
const ALIAS = /^[a-z0-9][a-z0-9._/-]{0,62}$/;

async function byAlias(connection: Connection, word: string): Promise<string | undefined> {
  if (!ALIAS.test(word) || word === "default") return undefined;
  try {
    const { llm } = await connection.call(LlmService.method.getLlm, { llmId: word });
    return String((llm as JsonObject).llmId);
  } catch (error) {
    // A word that is no alias may still be a name.
    if (isCallError(error) && (error.code === Code.NotFound || error.code === Code.InvalidArgument)) return undefined;
    throw error;
  }
}

/** What a chat is with: the id of an Llm as a person names it, or the name of a route. */
export async function resolveChatTarget(connection: Connection, word: string): Promise<string> {
  const named = await byAlias(connection, word);
  if (named) return named;
  return (await isRoute(connection, word)) ? word : resolveLlm(connection, word);
}

async function isRoute(connection: Connection, word: string): Promise<boolean> {
  if (!ALIAS.test(word)) return false;
  try {
    await connection.call(RouteService.method.getRoute, { routeId: word });
    return true;
  } catch (error) {
    const isElse =
      isCallError(error) && [Code.NotFound, Code.InvalidArgument, Code.PermissionDenied].includes(error.code);
    if (isElse) return false;
    throw error;
  }
}

/** The id of the Llm that a person means: by its id, its alias, the beginning of its id, or its name if no other has it. */
export async function resolveLlm(connection: Connection, word: string): Promise<string> {
  const wanted = word.replace(/^llms?\//, "");
  if (UUID.test(wanted)) return wanted.toLowerCase();
  const named = await byAlias(connection, wanted);
  if (named) return named;
  const input = { search: wanted.slice(0, 100), pageSize: MAX_CANDIDATES };
  const { llms } = await connection.call(LlmService.method.listLlms, input);
  const found = (llms ?? []) as JsonObject[];
  const exact = found.filter(({ displayName }) => displayName === wanted);
  const near = found.filter(({ displayName }) => String(displayName).toLowerCase() === wanted.toLowerCase());
  const begun = wanted.length < 6 ? [] : found.filter(({ llmId }) => String(llmId).startsWith(wanted.toLowerCase()));
  const candidates = [exact, near, begun].find(({ length }) => length > 0) ?? [];
  if (candidates.length === 1) return String(candidates[0]?.llmId);
  if (candidates.length === 0) {
    const others = found.slice(0, 5).map(({ displayName }) => `"${displayName}"`);
    const hint = others.length > 0 ? ` Similar are ${others.join(", ")}.` : " See: patchbay llms list";
    throw new UsageError(`there is no Llm called "${wanted}".${hint}`, { exitCode: EXIT.notFound });
  }
  const ids = candidates.map(({ llmId, modelIdentifier }) => `\n  ${llmId}  ${modelIdentifier}`);
  throw new UsageError(`${candidates.length} Llms are called "${wanted}"; name one by its id:${ids.join("")}`);
}
