#!/usr/bin/env bash
# Whoever leaves the loop over a stream ends the reply in some libraries; in others it is written and billed to its end.
#
# Seen with openai 7.59.0, @anthropic-ai/sdk 1.14.0, @langchain/openai 1.6.0 with @langchain/core 1.4.0, and ai 7.0.173
# with @ai-sdk/openai 4.0.118 (npm), openai 3.3.0 and anthropic 2.14.0 (PyPI). A program takes the first piece, leaves its
# loop, and does something else for five seconds. Both SDKs and LangChain for JavaScript close the connection at once. The
# AI SDK leaves it open until its abortSignal is told, and both SDKs for Python leave it open, unless the stream is used in
# a `with`.
# We had guessed that leaving is cancelling, as `for await` promises for each iterator, and that all that is built on one
# SDK does the same. To a gateway such a caller is still there: it holds its place among the parallel calls, and pays
# for all that it never sees.
set -euo pipefail
folder=$(mktemp -d)
finish() {
  [ -z "${server:-}" ] || kill "$server"
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts openai@7.59.0 @anthropic-ai/sdk@1.14.0 @langchain/openai@1.6.0 \
  @langchain/core@1.4.0 ai@7.0.173 @ai-sdk/openai@4.0.118 zod@4.6.7
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
python/bin/uv pip install --quiet --python python/bin/python openai==3.3.0 anthropic==2.14.0

cat >server.mjs <<'JS'
import { createServer } from "node:http";

const usage = { input_tokens: 9, output_tokens: 1 };
const message = { id: "msg_1", type: "message", role: "assistant", model: "m", content: [], stop_reason: null, stop_sequence: null, usage };
const opening = [
  { type: "message_start", message },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
];
const word = { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "word " } };
const choices = [{ index: 0, delta: { role: "assistant", content: "word " }, finish_reason: null }];
const chunk = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1764500000, model: "m", choices };

/** Replies go on until their callers hang up; GET tells of a caller's whether it still does. */
const replies = new Map();
const server = createServer((request, response) => {
  request.resume();
  const [, caller] = decodeURIComponent(request.url).split("/");
  if (request.method === "GET") return response.end(replies.get(caller) ?? "never asked for");
  replies.set(caller, "open");
  response.writeHead(200, { "content-type": "text/event-stream" });
  const say = (event) => response.write(`${event.type ? `event: ${event.type}\n` : ""}data: ${JSON.stringify(event)}\n\n`);
  const isMessage = request.url.endsWith("/messages");
  if (isMessage) for (const event of opening) say(event);
  const writing = setInterval(say, 50, isMessage ? word : chunk);
  response.on("close", () => {
    clearInterval(writing);
    replies.set(caller, "closed");
  });
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
JS
node server.mjs >address &
server=$!
until [ -s address ]; do sleep 0.1; done

cat >clients.mjs <<'JS'
import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { ChatOpenAI } from "@langchain/openai";
import { streamText } from "ai";
import OpenAI from "openai";

const address = process.argv[2];
const messages = [{ role: "user", content: "Write." }];
const apiKey = "k";
const body = { model: "m", max_tokens: 9_000, messages, stream: true };
const byAiSdk = (baseURL, abortSignal) => streamText({ model: createOpenAI({ baseURL, apiKey }).chat("m"), messages, abortSignal }).textStream;
const aborting = new AbortController();
const clients = {
  "openai, JavaScript": (baseURL) => new OpenAI({ baseURL, apiKey }).chat.completions.create(body),
  "anthropic, JavaScript": (baseURL) => new Anthropic({ baseURL, apiKey }).messages.create(body),
  "LangChain, JavaScript": (baseURL) => new ChatOpenAI({ model: "m", apiKey, configuration: { baseURL } }).stream("Write."),
  "AI SDK": (baseURL) => byAiSdk(baseURL),
  "AI SDK, aborted": (baseURL) => byAiSdk(baseURL, aborting.signal),
};
for (const [name, call] of Object.entries(clients)) {
  const url = `${address}/${encodeURIComponent(name)}`;
  for await (const _ of await call(url)) break;
  if (name.endsWith("aborted")) aborting.abort();
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  console.log(`${name}: ${await (await fetch(url)).text()}`);
}
process.exit();
JS
cat >clients.py <<'PY'
import sys, time
from urllib.parse import quote
from urllib.request import urlopen
from anthropic import Anthropic
from openai import OpenAI

body = {"model": "m", "max_tokens": 9_000, "messages": [{"role": "user", "content": "Write."}], "stream": True}


def by_openai(url):
    return OpenAI(base_url=url, api_key="k").chat.completions.create(**body)


def by_anthropic(url):
    return Anthropic(base_url=url, api_key="k").messages.create(**body)


def take_one(stream):
    for _ in stream:
        break


def take_one_within(stream):
    with stream:
        take_one(stream)


for name, call, take in [
    ("openai, Python", by_openai, take_one),
    ("openai, Python, within a with", by_openai, take_one_within),
    ("anthropic, Python", by_anthropic, take_one),
    ("anthropic, Python, within a with", by_anthropic, take_one_within),
]:
    url = f"{sys.argv[1]}/{quote(name)}"
    stream = call(url)
    take(stream)
    time.sleep(5)
    print(f"{name}: {urlopen(url).read().decode()}")
PY
{ node clients.mjs "$(cat address)" && python/bin/python clients.py "$(cat address)"; } | tee seen

diff - seen <<'EXPECTED'
openai, JavaScript: closed
anthropic, JavaScript: closed
LangChain, JavaScript: closed
AI SDK: open
AI SDK, aborted: closed
openai, Python: open
openai, Python, within a with: closed
anthropic, Python: open
anthropic, Python, within a with: closed
EXPECTED
echo "as seen before"
