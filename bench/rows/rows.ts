import type { Unmeasured } from "../measure/finding.ts";
import { apply } from "./apply.ts";
import { alone, chat, firstToken, stream } from "./chat.ts";
import { createLlm } from "./create-llm.ts";
import { getLlm } from "./get-llm.ts";
import { filteredPages } from "./growth/filtered-pages.ts";
import { listMillion } from "./growth/list-million.ts";
import { manyOwners } from "./growth/many-owners.ts";
import { manyWatches } from "./growth/many-watches.ts";
import { oldChanges } from "./growth/old-changes.ts";
import { limits } from "./limits.ts";
import { memory } from "./memory.ts";
import type { Row } from "./row.ts";
import { installSize, secondStart } from "./second-start.ts";

/** All rows, those of a year's data last. */
export const ROWS: readonly Row[] = [
  ...[chat, stream, firstToken, alone, limits, getLlm, createLlm, apply, secondStart, installSize, memory],
  ...[manyWatches, manyOwners, oldChanges, filteredPages, listMillion],
];

/** What is settled elsewhere. */
export const UNMEASURED: readonly Unmeasured[] = [
  {
    what: "kill -9 under load",
    why: "a matter of right and wrong, not of speed: npm test does it (server/main.test.ts)",
  },
];
