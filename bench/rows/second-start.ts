import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { figureOf } from "../measure/stats.ts";
import { PATCHBAY_ARGS, PATCHBAY_ENV } from "../stage/stage.ts";
import type { Row } from "./row.ts";

/** From the start of the process, over its own PostgreSQL that has been there before, to the first rows from it. */
export const secondStart: Row = {
  name: "second-start",
  what: "second start, embedded, to the first answer",
  async run(stage, plan) {
    const folder = mkdtempSync(join(stage.folder, "start-"));
    const apiKey = makeApiKey().reveal();
    const seconds: number[] = [];
    for (let start = 0; start <= plan.starts; start++) {
      const startedAt = performance.now();
      const server = stage.start("patchbay-start", "anywhere", PATCHBAY_ARGS, {
        PORT: "0",
        DATA_DIR: join(folder, "data"),
        BOOTSTRAP_API_KEY: apiKey,
        ...PATCHBAY_ENV,
      });
      try {
        const [url] = await server.urls();
        const response = await fetch(`${url}/v1/llms`, { headers: { authorization: `Bearer ${apiKey}` } });
        if (!response.ok) throw new Error(`the first answer was ${response.status}: ${await response.text()}`);
        await response.text();
        seconds.push((performance.now() - startedAt) / 1_000);
      } finally {
        await server.stop();
      }
    }
    const [first = Number.NaN, ...later] = seconds;
    const against = `the first one took ${first.toFixed(2)} s`;
    return [{ what: "second start to first answer", against, target: 1.5, figure: figureOf(later), unit: " s" }];
  },
};
