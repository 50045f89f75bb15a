import type { Unmeasured } from "../measure/finding.ts";
import { chat, firstToken, stream } from "./chat.ts";
import { createLlm } from "./create-llm.ts";
import { getLlm } from "./get-llm.ts";
import { listMillion } from "./list-million.ts";
import { memory } from "./memory.ts";
import type { Row } from "./row.ts";
import { secondStart } from "./second-start.ts";

/** All rows, in the order of design.md's table. */
export const ROWS: readonly Row[] = [chat, stream, firstToken, getLlm, createLlm, listMillion, secondStart, memory];

/** The rows of design.md's table that are settled elsewhere. */
export const UNMEASURED: readonly Unmeasured[] = [
  {
    what: "kill -9 under load",
    why: "a matter of right and wrong, not of speed: npm test does it (server/main.test.ts)",
  },
];
