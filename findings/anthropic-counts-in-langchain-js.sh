#!/usr/bin/env bash
# Of one stream of Anthropic's API, LangChain in JavaScript counts another input and another output than everybody else.
#
# Seen with @langchain/anthropic 1.5.11 and @langchain/core 1.4.0 (npm), beside @anthropic-ai/sdk 1.14.0, @ai-sdk/anthropic
# 4.0.105 with ai 7.0.173, and langchain-anthropic 1.7.10 (PyPI). The stream begins with a usage of 100 in and 1 out, and
# ends with 900 in and 7 out, as one does whose model has searched the web meanwhile; Anthropic calls the counts of
# message_delta cumulative. LangChain.js reports 100 in, which is the first word, and 8 out, which is the sum of both. All
# others, its own sister in Python among them, report 900 in and 7 out.
# We had guessed that the last word counts in each. A gateway's bill, by the last word, differs from what such a caller
# sees: by a token or so in every reply, and by all that was searched for in others.
set -euo pipefail
folder=$(mktemp -d)
finish() {
  [ -z "${server:-}" ] || kill "$server"
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @langchain/anthropic@1.5.11 @langchain/core@1.4.0 \
  @anthropic-ai/sdk@1.14.0 @ai-sdk/anthropic@4.0.105 ai@7.0.173 zod@4.6.7
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
python/bin/uv pip install --quiet --python python/bin/python langchain-anthropic==1.7.10 langchain-core==1.8.3 anthropic==2.14.0

cat >server.mjs <<'JS'
import { createServer } from "node:http";

const model = "claude-sonnet-4-6";
const first = { input_tokens: 100, output_tokens: 1 };
const last = { input_tokens: 900, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 7 };
const message = { id: "msg_1", type: "message", role: "assistant", model, content: [], stop_reason: null, stop_sequence: null, usage: first };
const events = [
  { type: "message_start", message },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "It rains." } },
  { type: "content_block_stop", index: 0 },
  { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: last },
  { type: "message_stop" },
];
const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.end();
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
JS
node server.mjs >address &
server=$!
until [ -s address ]; do sleep 0.1; done

cat >clients.mjs <<'JS'
import { createAnthropic } from "@ai-sdk/anthropic";
import Anthropic from "@anthropic-ai/sdk";
import { ChatAnthropic } from "@langchain/anthropic";
import { streamText } from "ai";

const baseURL = process.argv[2];
const model = "claude-sonnet-4-6";
const messages = [{ role: "user", content: "How is the weather?" }];
const say = (name, input, output) => console.log(`${name}: ${input} in, ${output} out`);

const stream = new Anthropic({ baseURL, apiKey: "k" }).messages.stream({ model, max_tokens: 9, messages });
const { usage } = await stream.finalMessage();
say("Anthropic's SDK", usage.input_tokens, usage.output_tokens);
const result = streamText({ model: createAnthropic({ baseURL, apiKey: "k" })(model), messages });
const counted = await result.usage;
say("AI SDK", counted.inputTokens, counted.outputTokens);
let reply;
for await (const piece of await new ChatAnthropic({ model, apiKey: "k", anthropicApiUrl: baseURL }).stream("How is the weather?")) {
  reply = reply?.concat(piece) ?? piece;
}
say("LangChain, JavaScript", reply.usage_metadata.input_tokens, reply.usage_metadata.output_tokens);
JS
cat >client.py <<'PY'
import sys
from functools import reduce
from operator import add
from langchain_anthropic import ChatAnthropic

model = ChatAnthropic(model="claude-sonnet-4-6", api_key="k", base_url=sys.argv[1])
usage = reduce(add, model.stream("How is the weather?")).usage_metadata
print(f"LangChain, Python: {usage['input_tokens']} in, {usage['output_tokens']} out")
PY
{ node clients.mjs "$(cat address)" && python/bin/python client.py "$(cat address)"; } | tee seen

diff - seen <<'EXPECTED'
Anthropic's SDK: 900 in, 7 out
AI SDK: 900 in, 7 out
LangChain, JavaScript: 100 in, 8 out
LangChain, Python: 900 in, 7 out
EXPECTED
echo "as seen before"
