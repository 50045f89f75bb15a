import { Fault } from "../../base/fault.ts";
import { findLlm } from "../../store/queries/llms.ts";
import type { DueLlm } from "../../store/queries/schedules.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import { providerTypeOf } from "../../upstream/models/provider-types.ts";
import type { Scope } from "../call/scope.ts";
import { saveNews } from "../llms/create.ts";
import type { LlmModels } from "../llms/served-models.ts";
import { lookUpModel } from "../models/catalog.ts";
import type { FetchedModels } from "../models/lists.ts";
import { findServed } from "../models/lists.ts";
import { backOff, type Done } from "./due-work.ts";

const HOUR_MS = 3_600_000;
/** The catalog is asked so often, whatever the endpoint is: dates pass. */
const DAY_MS = 24 * HOUR_MS;
/** A list that has not got the model is only believed while it is new: the model may be newer. */
const NEW_MS = 60_000;
/** An Llm that has changed meanwhile is looked at again. */
const AGAIN_MS = 1_000;

/** Compares models with the catalog each day, and with what their endpoints list each so many hours. */
export class ModelChecks {
  readonly #models: LlmModels;
  readonly #intervalMs: number;

  /** 0 hours: endpoints are never asked. */
  constructor({ models, hours }: { models: LlmModels; hours: number }) {
    this.#models = models;
    this.#intervalMs = hours * HOUR_MS;
  }

  /** Looks at the model of an Llm. An endpoint that gives no list is asked again in an hour, then less and less often. */
  async check(scope: Scope, due: DueLlm): Promise<Done> {
    const usualMs = Math.min(this.#intervalMs || DAY_MS, DAY_MS);
    const llm = await findLlm(scope.em, due.llmId, undefined, { withCredentials: true });
    if (!llm || llm.disabled) return { delayMs: usualMs, failures: 0 };
    const asked = this.#isListDue(llm) ? await this.#ask(scope, llm) : undefined;
    if (!(await saveNews(scope.em, llm, { list: asked?.list }))) return { delayMs: AGAIN_MS, failures: 0 };
    if (!asked?.hasFailed) return { delayMs: usualMs, failures: 0 };
    const failures = due.failures + 1;
    return { delayMs: backOff(HOUR_MS, failures, usualMs), failures };
  }

  /** A little early is not too early: clocks differ. */
  #isListDue({ model: { checkedAt = 0 } }: Llm): boolean {
    return this.#intervalMs > 0 && Date.now() - checkedAt > this.#intervalMs - NEW_MS;
  }

  async #ask(scope: Scope, llm: Llm): Promise<{ list: FetchedModels | undefined; hasFailed: boolean }> {
    try {
      const list = await this.#models.look(scope, llm);
      const isFinal = Date.now() - list.fetchedAt < NEW_MS || (await hasModel(list, llm));
      return { list: isFinal ? list : await this.#models.look(scope, llm, NEW_MS), hasFailed: false };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      // Who could mend it is told by the status, and no endpoint was asked.
      return { list: undefined, hasFailed: error.reason !== "CREDENTIALS_UNREADABLE" };
    }
  }
}

async function hasModel({ models }: FetchedModels, llm: Llm): Promise<boolean> {
  const providerType = providerTypeOf(llm);
  const { names: catalogNames = [] } = (await lookUpModel(providerType, llm.modelIdentifier)) ?? {};
  return findServed(models, { providerType, name: llm.modelIdentifier, catalogNames }) !== undefined;
}
