import { findLlms } from "../../store/queries/llms.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { Route, StoredTarget } from "../../store/schema/route.entity.ts";
import type { RowReader } from "../../store/sql/rows.ts";
import { chooseSoonest, chooseWell } from "./choice.ts";
import { llmIdsOf } from "./route-values.ts";
import type { Cooldown, Wellness } from "./wellness.ts";

/** Why budgets take no chat with an Llm: nobody knows what it costs, or what its owner lets it cost is spent. */
export type BudgetObstacle = "UNPRICED" | "OVER_BUDGET";

/** What keeps an Llm of a route from being taken, in the words of `RouteTargetState.Standing`. */
export type Standing =
  | "CHOSEN"
  | "WELL"
  | "COOLING"
  | "ON_TRIAL"
  | "DRAINED"
  | "DISABLED"
  | "CREDENTIALS_UNREADABLE"
  | "DELETED"
  | BudgetObstacle;

/** An Llm of a route, and whether a chat would go to it now. */
export interface TargetState extends StoredTarget {
  /** From 1. */
  readonly tier: number;
  readonly displayName: string;
  readonly standing: Standing;
  readonly why: string;
  readonly failedWith: string;
  /** In milliseconds since 1970; undefined unless it is COOLING. */
  readonly retryAt: number | undefined;
  readonly running: number;
}

/** Where a chat would go now. */
export interface Explanation {
  /** Undefined: nowhere. */
  readonly llmId: string | undefined;
  readonly targets: readonly TargetState[];
}

interface Deps {
  readonly rows: RowReader;
  readonly wellness: Wellness;
  /** Why budgets take no chat with an Llm; undefined if they do. */
  readonly budgetObstacleOf: (llm: Readonly<Llm>) => Promise<BudgetObstacle | undefined>;
  readonly random?: () => number;
}

/** Says which Llm of a route a chat would go to, as the choice itself finds it, and why it would not go to each other. */
export async function explainRoute(
  { rows, wellness, budgetObstacleOf, random = Math.random }: Deps,
  route: Readonly<Route>,
) {
  const { tiers } = route;
  const llms = new Map((await findLlms(rows, llmIdsOf(tiers), route.owner)).map((llm) => [llm.id, llm]));
  for (const { id, status, lastTest } of llms.values()) {
    if (status === "FAILING" && lastTest) wellness.doubt(id, lastTest.testedAt, { isTrial: false });
  }
  const obstacles = new Map<string, Standing>();
  for (const llmId of llmIdsOf(tiers)) {
    const llm = llms.get(llmId);
    const obstacle = obstacleOf(llm) ?? (llm && (await budgetObstacleOf(llm)));
    if (obstacle) obstacles.set(llmId, obstacle);
  }
  const choosing = { wellness, operation: "chat" as const, random, isOut: (llmId: string) => obstacles.has(llmId) };
  const well = chooseWell(tiers, choosing);
  const llmId = well ?? chooseSoonest(tiers, choosing);
  const chosenTier = tiers.findIndex(({ targets }) => targets.some((target) => target.llmId === llmId)) + 1;
  const targets = tiers.flatMap((tier, index) =>
    tier.targets.map((target): TargetState => {
      const llm = llms.get(target.llmId);
      const cooldown = wellness.cooldownOf(target.llmId);
      const facts = { obstacle: obstacles.get(target.llmId), cooldown, isChosen: target.llmId === llmId };
      const standing = standingOf(target, facts);
      const isUnwell = standing === "COOLING" || standing === "ON_TRIAL";
      return {
        ...target,
        tier: index + 1,
        displayName: llm?.displayName ?? "",
        standing,
        why: whyOf(standing, { tier: index + 1, chosenTier, policy: tier.policy, cooldown, isLastResort: !well }),
        failedWith: isUnwell ? (cooldown?.failedWith ?? "") : "",
        retryAt: standing === "COOLING" ? cooldown?.until : undefined,
        running: wellness.runningOf(target.llmId),
      };
    }),
  );
  return { llmId, targets } satisfies Explanation;
}

/** What no time heals. */
function obstacleOf(llm: Readonly<Llm> | undefined): Standing | undefined {
  if (!llm) return "DELETED";
  if (llm.disabled) return "DISABLED";
  return llm.status === "CREDENTIALS_UNREADABLE" ? "CREDENTIALS_UNREADABLE" : undefined;
}

interface Facts {
  readonly obstacle: Standing | undefined;
  readonly cooldown: Cooldown | undefined;
  readonly isChosen: boolean;
}

function standingOf({ weight }: StoredTarget, { obstacle, cooldown, isChosen }: Facts): Standing {
  if (obstacle) return obstacle;
  if (weight === 0) return "DRAINED";
  if (isChosen) return "CHOSEN";
  if (!cooldown) return "WELL";
  return cooldown.until > Date.now() ? "COOLING" : "ON_TRIAL";
}

interface Circumstances {
  readonly tier: number;
  readonly chosenTier: number;
  readonly policy: string;
  readonly cooldown: Cooldown | undefined;
  readonly isLastResort: boolean;
}

function whyOf(standing: Standing, { tier, chosenTier, policy, cooldown, isLastResort }: Circumstances): string {
  const times = (count: number) => (count === 1 ? "once" : `${count} times in a row`);
  const failed = cooldown?.failedWith
    ? `it failed ${times(cooldown.failures)}, last with ${cooldown.failedWith}`
    : "its last test failed";
  switch (standing) {
    case "CHOSEN":
      if (isLastResort) return `none is well, and it is the first that may be tried again: ${failed}`;
      if (cooldown) return `${failed}, and one chat shows now whether it is well again`;
      return policy === "LEAST_BUSY" ? "it has the fewest calls under way, by its weight" : "by chance and its weight";
    case "WELL":
      if (tier > chosenTier) return `tier ${chosenTier} comes first and has an Llm that is well`;
      return policy === "LEAST_BUSY" ? "another one of its tier is less busy" : "another one of its tier was drawn";
    case "COOLING":
      return `${failed}; it is left alone until ${new Date(cooldown?.until ?? 0).toISOString()}, ${
        cooldown?.isTold ? "as its endpoint asked" : "for longer each time"
      }`;
    case "ON_TRIAL":
      return `${failed}; one chat at a time shows whether it is well again`;
    case "DRAINED":
      return "its weight is 0";
    case "DISABLED":
      return "its owner has disabled it; UpdateLlm enables it";
    case "CREDENTIALS_UNREADABLE":
      return "its stored credentials do not open with the key ring of the server";
    case "DELETED":
      return "it was deleted";
    case "UNPRICED":
      return "there is a budget, and what it costs is not known; UpdateLlm sets its price";
    case "OVER_BUDGET":
      return "a budget of its owner has less left than a chat may cost; ListBudgets says which, and SetBudget raises it";
  }
}
