#!/usr/bin/env bash
# Of 69 models of OpenAI that two catalogs both price, they agree on all but three, and those three by a factor of 1,000.
#
# Seen with @agentjido/llmdb 2026.9.5 and @pydantic/genai-prices 0.1.8 (npm): llmdb's `cost` is in dollars per million
# tokens, and for OpenAI's text-embedding models alone it holds the price per thousand (0.00013 for
# text-embedding-3-large, which is 0.13 a million). Chat models, cached reads and outputs agree in every case.
# We had guessed that differences between the two would be a few new models by a few percent. A budget that counts
# embeddings by this list would let a thousand times its amount through.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @agentjido/llmdb@2026.9.5 @pydantic/genai-prices@0.1.8

cat >compare.mjs <<'JS'
import { llmdb } from "@agentjido/llmdb";
import { calcPrice } from "@pydantic/genai-prices";

const catalog = await llmdb.provider("openai");
let both = 0;
for (const { id, cost } of catalog.models()) {
  if (!cost?.input) continue;
  const other = calcPrice({ input_tokens: 1_000, output_tokens: 1_000 }, id, { providerId: "openai" });
  if (!other) continue;
  both++;
  const [input, output] = [other.input_price * 1_000, other.output_price * 1_000];
  const near = (a, b) => Math.abs(a - b) < 1e-9;
  if (near(input, cost.input) && near(output, cost.output)) continue;
  const factor = Math.round(input / cost.input);
  console.log(`${id}: llmdb ${cost.input.toFixed(5)}, genai-prices ${input.toFixed(5)}, factor ${factor}`);
}
console.log(`models priced by both: ${both}`);
JS
node compare.mjs | tee seen

diff - seen <<'EXPECTED'
text-embedding-3-large: llmdb 0.00013, genai-prices 0.13000, factor 1000
text-embedding-3-small: llmdb 0.00002, genai-prices 0.02000, factor 1000
text-embedding-ada-002: llmdb 0.00010, genai-prices 0.10000, factor 1000
models priced by both: 69
EXPECTED
echo "as seen before"
