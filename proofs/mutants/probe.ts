/** Runs corpora against the guard as one mutant, in this process; exits with 1 when an entry of one fails. */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { chosen, fileOf, mutate } from "./apply.ts";

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!chosen || !url.startsWith("file:") || fileURLToPath(url) !== fileOf(chosen)) return loaded;
    return { ...loaded, source: mutate(chosen, String(loaded.source)) };
  },
});

const { EgressCorpus } = await import("../../server/test/upstream/egress-corpus.ts");
const { EGRESS_CASES } = await import("../../server/test/upstream/egress-cases.ts");
const [shared] = process.argv.slice(2);
const entries = shared === undefined ? EGRESS_CASES : JSON.parse(readFileSync(shared, "utf8")).entries;
const corpus = await EgressCorpus.open(entries);
const failed = (await corpus.run()).some(({ passed }) => !passed);
process.exit(failed ? 1 : 0);
