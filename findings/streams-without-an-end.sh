#!/usr/bin/env bash
# A stream that just stops is an error in one language of an SDK and a finished reply in the other.
#
# Seen with openai 7.59.0 and @anthropic-ai/sdk 1.14.0 (npm), openai 3.3.0 and anthropic 2.14.0 (PyPI), each by its helper
# that collects a stream, and ai 7.0.173 with @ai-sdk/openai 4.0.118 and @ai-sdk/openai-compatible 3.0.92. The body
# ends properly, after half a sentence, with neither finish_reason and [DONE] nor message_stop: what a proxy's idle timeout, or a
# restarted server behind one, leaves of a stream. Both SDKs for JavaScript throw. Both for Python return the half
# sentence as the final message, with no reason why it ended. The AI SDK's provider for compatible endpoints reports an
# error, its provider for OpenAI none.
# We had guessed that the two languages of a vendor's SDK, and two packages of one repository, agree on what a whole reply is. A
# gateway that relays such an end has to end it with an error event, or a part of its callers stores half replies.
set -euo pipefail
folder=$(mktemp -d)
finish() {
  [ -z "${server:-}" ] || kill "$server"
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts openai@7.59.0 @anthropic-ai/sdk@1.14.0 ai@7.0.173 \
  @ai-sdk/openai@4.0.118 @ai-sdk/openai-compatible@3.0.92 zod@4.6.7
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
python/bin/uv pip install --quiet --python python/bin/python openai==3.3.0 anthropic==2.14.0

cat >server.mjs <<'JS'
import { createServer } from "node:http";

const words = ["The answer is", " not"];
const completions = words.map((content) => {
  const choices = [{ index: 0, delta: { role: "assistant", content }, finish_reason: null }];
  return { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1764500000, model: "m", choices };
});
const usage = { input_tokens: 9, output_tokens: 1 };
const message = { id: "msg_1", type: "message", role: "assistant", model: "m", content: [], stop_reason: null, stop_sequence: null, usage };
const messages = [
  { type: "message_start", message },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  ...words.map((text) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })),
];

const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { "content-type": "text/event-stream" });
  const events = request.url.endsWith("/messages") ? messages : completions;
  for (const event of events) response.write(`${event.type ? `event: ${event.type}\n` : ""}data: ${JSON.stringify(event)}\n\n`);
  response.end();
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
JS
node server.mjs >address &
server=$!
until [ -s address ]; do sleep 0.1; done

cat >clients.mjs <<'JS'
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { streamText } from "ai";
import OpenAI from "openai";

const baseURL = process.argv[2];
const settings = { baseURL, apiKey: "k", maxRetries: 0 };
const messages = [{ role: "user", content: "Is it?" }];

const say = (name) => [(text) => console.log(`${name}: "${text}"`), ({ message }) => console.log(`${name}: error, ${message}`)];
const completion = new OpenAI(settings).chat.completions.stream({ model: "m", messages });
await completion.finalContent().then(...say("openai, JavaScript"));
const message = new Anthropic(settings).messages.stream({ model: "m", max_tokens: 9, messages });
await message.finalText().then(...say("anthropic, JavaScript"));

const models = {
  "AI SDK, openai": createOpenAI(settings).chat("m"),
  "AI SDK, openai-compatible": createOpenAICompatible({ ...settings, name: "any" })("m"),
};
for (const [name, model] of Object.entries(models)) {
  const errors = [];
  const result = streamText({ model, messages, onError: ({ error }) => errors.push(error) });
  await result.consumeStream();
  console.log(`${name}: "${await result.text}", ${await result.finishReason}, errors ${errors.length}`);
}
JS
cat >clients.py <<'PY'
import sys
from anthropic import Anthropic
from openai import OpenAI

settings = {"base_url": sys.argv[1], "api_key": "k", "max_retries": 0}
messages = [{"role": "user", "content": "Is it?"}]
with OpenAI(**settings).chat.completions.stream(model="m", messages=messages) as stream:
    [choice] = stream.get_final_completion().choices
print(f'openai, Python: "{choice.message.content}", {choice.finish_reason}')
with Anthropic(**settings).messages.stream(model="m", max_tokens=9, messages=messages) as stream:
    message = stream.get_final_message()
print(f'anthropic, Python: "{message.content[0].text}", {message.stop_reason}')
PY
{ node clients.mjs "$(cat address)" && python/bin/python clients.py "$(cat address)"; } | tee seen

diff - seen <<'EXPECTED'
openai, JavaScript: error, missing finish_reason for choice 0
anthropic, JavaScript: error, stream ended without producing a Message with role=assistant
AI SDK, openai: "The answer is not", interrupted, errors 0
AI SDK, openai-compatible: "The answer is not", error, errors 1
openai, Python: "The answer is not", None
anthropic, Python: "The answer is not", None
EXPECTED
echo "as seen before"
