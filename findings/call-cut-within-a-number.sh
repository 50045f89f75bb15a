#!/usr/bin/env bash
# A tool call that the token limit cuts in the middle of a number is a whole call with another number in LangChain.
#
# Seen with @langchain/openai 1.6.0 and @langchain/core 1.4.0 (npm), langchain-openai 1.7.4 and langchain-core 1.8.3 (PyPI),
# over a stream of OpenAI's API whose arguments end as {"account": "savings", "amount": 12 and whose finish_reason is
# "length". Both languages list an ordinary call of pay with amount 12 and none among invalid_tool_calls, which is where
# one looks; only finish_reason says otherwise. The same bytes are an invalid call in the AI SDK (ai 7.0.173), and
# openai-python 3.3.0's stream helper raises.
# We had guessed that arguments which are no JSON are invalid in all of them. A gateway cannot shield such callers by passing the
# bytes on: whoever sets a token limit on a caller's behalf decides whether 1,250 can be read as 12.
set -euo pipefail
folder=$(mktemp -d)
finish() {
  [ -z "${server:-}" ] || kill "$server"
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @langchain/openai@1.6.0 @langchain/core@1.4.0 ai@7.0.173 \
  @ai-sdk/openai@4.0.118 zod@4.6.7
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
python/bin/uv pip install --quiet --python python/bin/python langchain-openai==1.7.4 langchain-core==1.8.3 openai==3.3.0

cat >server.mjs <<'JS'
import { createServer } from "node:http";

const call = { index: 0, id: "call_1", type: "function", function: { name: "pay", arguments: "" } };
const pieces = [
  { delta: { role: "assistant", content: null, tool_calls: [call] } },
  ...['{"account": "savings",', ' "amount": 12'].map((text) => ({
    delta: { tool_calls: [{ index: 0, function: { arguments: text } }] },
  })),
  { delta: {}, finish_reason: "length" },
];
const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const piece of pieces) {
    const choices = [{ index: 0, finish_reason: null, ...piece }];
    const chunk = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1764500000, model: "m", choices };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  }
  response.end("data: [DONE]\n\n");
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
JS
node server.mjs >address &
server=$!
until [ -s address ]; do sleep 0.1; done

cat >clients.mjs <<'JS'
import { createOpenAI } from "@ai-sdk/openai";
import { ChatOpenAI } from "@langchain/openai";
import { streamText, tool } from "ai";
import { z } from "zod";

const baseURL = process.argv[2];
const model = new ChatOpenAI({ model: "m", apiKey: "k", configuration: { baseURL } });
let reply;
for await (const piece of await model.stream("Pay.")) reply = reply?.concat(piece) ?? piece;
console.log(`LangChain, JavaScript: calls ${JSON.stringify(reply.tool_calls.map(({ args }) => args))}, invalid ${reply.invalid_tool_calls.length}`);

const pay = tool({ inputSchema: z.object({ account: z.string(), amount: z.number() }) });
const result = streamText({ model: createOpenAI({ baseURL, apiKey: "k" }).chat("m"), prompt: "Pay.", tools: { pay } });
const calls = await result.toolCalls;
console.log(`AI SDK: calls ${JSON.stringify(calls.map(({ input, invalid }) => ({ input, invalid })))}`);
JS
cat >clients.py <<'PY'
import json, sys
from langchain_openai import ChatOpenAI
from openai import LengthFinishReasonError, OpenAI

base_url = sys.argv[1]
reply = ChatOpenAI(model="m", api_key="k", base_url=base_url, streaming=True).invoke("Pay.")
calls = json.dumps([call["args"] for call in reply.tool_calls], separators=(",", ":"))
print(f"LangChain, Python: calls {calls}, invalid {len(reply.invalid_tool_calls)}")
try:
    with OpenAI(base_url=base_url, api_key="k").chat.completions.stream(model="m", messages=[]) as stream:
        stream.get_final_completion()
    print("openai-python: no error")
except LengthFinishReasonError:
    print("openai-python: LengthFinishReasonError")
PY
{ node clients.mjs "$(cat address)" && python/bin/python clients.py "$(cat address)"; } | tee seen

diff - seen <<'EXPECTED'
LangChain, JavaScript: calls [{"account":"savings","amount":12}], invalid 0
AI SDK: calls [{"input":"{\"account\": \"savings\", \"amount\": 12","invalid":true}]
LangChain, Python: calls [{"account":"savings","amount":12}], invalid 0
openai-python: LengthFinishReasonError
EXPECTED
echo "as seen before"
