import { readFileSync } from "node:fs";
import { EgressCorpus } from "../server/test/upstream/egress-corpus.ts";

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error(
    "usage: node scripts/check-egress.ts FILE    a corpus of URLs, and what the egress policy says to each",
  );
  process.exit(2);
}

const startedAt = performance.now();
const corpus = await EgressCorpus.open(JSON.parse(readFileSync(file, "utf8")).entries);
const results = await corpus.run();
await corpus.close();

const failures = results.filter(({ passed }) => !passed);
for (const { id, url, expected, actual } of failures) {
  console.error(`${id} ${JSON.stringify(url)}: expected ${expected}, got ${actual}`);
}
const blocked = results.filter(({ expected }) => expected !== "allow").length;
const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
console.log(
  `${results.length - failures.length} of ${results.length} as expected (${blocked} to block by their reason, ` +
    `${results.length - blocked} to allow) in ${seconds} s`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
