import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { BudgetService } from "../../../gen/patchbay/v1/budget_service_pb.ts";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { ProviderService } from "../../../gen/patchbay/v1/provider_service_pb.ts";
import { RouteService } from "../../../gen/patchbay/v1/route_service_pb.ts";
import { problemOf } from "../../llm.ts";
import type { Connection } from "../calls/connection.ts";
import { inWordsOf } from "../calls/field-names.ts";
import { isCallError } from "../failure.ts";
import { updateRequest } from "../resources/updates.ts";
import { KINDS } from "./manifest.ts";
import type { Step } from "./plan.ts";

/** How many calls are under way at once. */
const PARALLEL = 8;

/** How often a call is made again that the server could not do just then, each time after a longer while. */
const MAX_ATTEMPTS = 5;

/** What became of the steps. */
export interface Outcome {
  readonly done: number;
  readonly failed: readonly { readonly step: Step; readonly error: unknown }[];
}

/** Carries steps out, kind after kind; one that fails stops no other. Done again, it goes on with what is left. */
export async function carryOut(
  connection: Connection,
  steps: readonly Step[],
  onProgress: (done: number, total: number) => void,
): Promise<Outcome> {
  const failed: { step: Step; error: unknown }[] = [];
  let done = 0;
  for (const verb of ["make", "delete"]) {
    for (const kind of KINDS) {
      const left = steps
        .filter((step) => step.kind === kind && (step.verb === "delete") === (verb === "delete"))
        .values();
      const work = async () => {
        for (const step of left) {
          try {
            await patiently(() => carryOutOne(connection, step));
            done++;
          } catch (error) {
            if (!isCallError(error)) throw error;
            failed.push({ step, error: inWordsOf(step.wanted?.nameOf, error) });
          }
          onProgress(done + failed.length, steps.length);
        }
      };
      await Promise.all(Array.from({ length: PARALLEL }, work));
    }
  }
  return { done, failed };
}

/** Steps can be done twice: what an answer was lost of is found done. */
async function patiently(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const { code, retryAfterMs = 0 } = problemOf(error);
      if (code !== "Unavailable" || attempt === MAX_ATTEMPTS) throw error;
      await sleep(Math.max(retryAfterMs, 100 * 2 ** attempt));
    }
  }
}

async function carryOutOne(connection: Connection, step: Step): Promise<void> {
  const { kind, verb, wanted, current, id } = step;
  if (verb === "delete") {
    await connection.call(LlmService.method.deleteLlm, {
      llmId: id,
      etag: current?.etag ?? "",
      requestId: randomUUID(),
    });
    return;
  }
  const fields = wanted?.fields ?? {};
  if (kind === "providers") await connection.call(ProviderService.method.upsertProvider, fields);
  else if (kind === "budgets") await connection.call(BudgetService.method.setBudget, fields);
  else if (kind === "routes") await makeRoute(connection, step);
  else await makeLlm(connection, step);
}

/** Of two applies at once, one makes it; the other finds its name taken, and changes it to what it is. */
async function makeRoute(connection: Connection, { verb, wanted, id }: Step): Promise<void> {
  const { createRoute, updateRoute } = RouteService.method;
  const fields = wanted?.fields ?? {};
  const update = () => connection.call(updateRoute, { ...knownTo(updateRoute, fields), routeId: id });
  if (verb === "update") return void (await update());
  try {
    await connection.call(createRoute, { ...fields, requestId: randomUUID() });
  } catch (error) {
    if (problemOf(error).reason !== "ALIAS_TAKEN") throw error;
    await update().catch(() => {
      throw error; // An Llm has the name.
    });
  }
}

async function makeLlm(connection: Connection, step: Step): Promise<void> {
  const { verb, wanted, changes } = step;
  let { id } = step;
  const { createLlm, updateLlm, setDefaultLlm } = LlmService.method;
  const isChanged = (field: string) => changes.some((change) => change.field === field);
  if (verb === "create") await createOrRevive(connection, step);
  else {
    const fields = Object.entries(wanted?.fields ?? {}).filter(([field]) => isChanged(field));
    const request = updateRequest(updateLlm, knownTo(updateLlm, Object.fromEntries(fields) as JsonObject));
    if (Object.keys(request).length > 0)
      await connection.call(updateLlm, { ...request, llmId: id, requestId: randomUUID() });
  }
  const { disabled } = wanted?.own ?? {};
  if (isChanged("disabled")) await connection.call(updateLlm, { llmId: id, disabled: disabled ?? false });
  if (isChanged("default")) await connection.call(setDefaultLlm, { llmId: id });

  /** One that was deleted less than a month ago has its id still: it is brought back, as the manifest wants it. */
  async function createOrRevive(connection: Connection, { wanted, name }: Step): Promise<void> {
    const fields: JsonObject = { displayName: name, ...wanted?.fields, llmId: id };
    try {
      // Its id says already that it is made once; a request_id would make five statements of one.
      await connection.call(createLlm, knownTo(createLlm, fields));
    } catch (error) {
      if (problemOf(error).reason !== "LLM_ID_TAKEN") throw error;
      const revived = await connection.call(LlmService.method.undeleteLlm, { llmId: id }).catch((refused: unknown) => {
        // Not deleted: another apply has just made it.
        if (problemOf(refused).reason !== "LLM_NOT_FOUND") throw refused;
        return undefined;
      });
      const { providerType, llmId: _, ...changed } = fields;
      const isOther =
        revived && providerType !== undefined && (revived.llm as JsonObject).providerType !== providerType;
      if (isOther) return void (await replace(knownTo(createLlm, { providerType, ...changed })));
      await connection.call(updateLlm, { ...updateRequest(updateLlm, knownTo(updateLlm, changed)), llmId: id });
    }
  }

  /** The type of an Llm never changes: one of another is deleted again, and another one has its alias. */
  async function replace(fields: JsonObject): Promise<void> {
    await connection.call(LlmService.method.deleteLlm, { llmId: id });
    const { llm } = await connection.call(createLlm, { ...fields, requestId: randomUUID() });
    id = String((llm as JsonObject).llmId);
  }
}

function knownTo({ input }: DescMethodUnary, fields: JsonObject): JsonObject {
  const known = new Set(input.fields.map(({ jsonName }) => jsonName));
  return Object.fromEntries(Object.entries(fields).filter(([field]) => known.has(field))) as JsonObject;
}
