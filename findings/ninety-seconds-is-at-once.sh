#!/usr/bin/env bash
# Told to come back after 59 seconds, clients wait; told 90, three of six are back within two seconds or so, and once more.
#
# Seen with openai 7.59.0, @anthropic-ai/sdk 1.14.0 and ai 7.0.173 with @ai-sdk/openai 4.0.118 (npm), openai 3.3.0, anthropic
# 2.14.0 and groq 1.7.0 (PyPI), which all answer a 429 by up to two more calls. openai for JavaScript, groq and the AI SDK
# take a Retry-After of more than 60 seconds for none, and use their own short delays; openai for Python and both SDKs of
# Anthropic wait as they are told. With "x-should-retry: false" beside it, the SDKs call once; the AI SDK does not know it.
# We had guessed that a wait which is too long for a client makes it give up, and that the two languages of one vendor do the
# same. A gateway whose quota is used up for an hour, and which says so, gets every request of such callers three times
# within seconds, and those of the others not at all; to be heeded it tells less than 60 seconds, or not to retry.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts openai@7.59.0 @anthropic-ai/sdk@1.14.0 ai@7.0.173 \
  @ai-sdk/openai@4.0.118 zod@4.6.7
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
python/bin/uv pip install --quiet --python python/bin/python openai==3.3.0 anthropic==2.14.0 groq==1.7.0

cat >clients.py <<'PY'
import sys
from threading import Thread
from anthropic import Anthropic
from groq import Groq
from openai import OpenAI

address = sys.argv[1]
messages = [{"role": "user", "content": "Is it?"}]
clients = {
    "openai, Python": lambda url: OpenAI(base_url=url, api_key="k").chat.completions.create(model="m", messages=messages),
    "anthropic, Python": lambda url: Anthropic(base_url=url, api_key="k").messages.create(model="m", max_tokens=9, messages=messages),
    "groq, Python": lambda url: Groq(base_url=url, api_key="k").chat.completions.create(model="m", messages=messages),
}
urls = [(call, f"{address}/{name}/{told}") for name, call in clients.items() for told in ("59", "90", "90 and no retry")]
threads = [Thread(target=call, args=[url]) for call, url in urls]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
PY
cat >clients.mjs <<'JS'
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { generateText } from "ai";
import OpenAI from "openai";

/** When each client called, by what its path says that it is told. */
const calls = new Map();
const server = createServer((request, response) => {
  request.resume();
  const [, name, told] = decodeURIComponent(request.url).split("/");
  const key = `${name}, told ${told}`;
  calls.set(key, [...(calls.get(key) ?? []), Date.now()]);
  const headers = { "content-type": "application/json", "retry-after": told.split(" ")[0] };
  if (told.endsWith("no retry")) headers["x-should-retry"] = "false";
  response.writeHead(429, headers);
  response.end(JSON.stringify({ type: "error", error: { type: "rate_limit_error", message: "The quota is used up.", param: null } }));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${server.address().port}`;

const messages = [{ role: "user", content: "Is it?" }];
const clients = {
  "openai, JavaScript": (baseURL) => new OpenAI({ baseURL, apiKey: "k" }).chat.completions.create({ model: "m", messages }),
  "anthropic, JavaScript": (baseURL) => new Anthropic({ baseURL, apiKey: "k" }).messages.create({ model: "m", max_tokens: 9, messages }),
  "AI SDK": (baseURL) => generateText({ model: createOpenAI({ baseURL, apiKey: "k" }).chat("m"), messages }),
};
for (const [name, call] of Object.entries(clients)) {
  for (const told of ["59", "90", "90 and no retry"]) call(`${address}/${encodeURIComponent(name)}/${encodeURIComponent(told)}`).catch(() => {});
}
const python = spawn("python/bin/python", ["clients.py", address], { stdio: "ignore" });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
while (calls.size < 18) await pause(100);
await pause(20_000);
for (const key of [...calls.keys()].sort()) {
  const times = calls.get(key);
  console.log(`${key}: calls within 20 s: ${times.filter((time) => time < times[0] + 20_000).length}`);
}
python.kill("SIGKILL");
process.exit();
JS
node clients.mjs | tee seen

diff - seen <<'EXPECTED'
AI SDK, told 59: calls within 20 s: 1
AI SDK, told 90: calls within 20 s: 3
AI SDK, told 90 and no retry: calls within 20 s: 3
anthropic, JavaScript, told 59: calls within 20 s: 1
anthropic, JavaScript, told 90: calls within 20 s: 1
anthropic, JavaScript, told 90 and no retry: calls within 20 s: 1
anthropic, Python, told 59: calls within 20 s: 1
anthropic, Python, told 90: calls within 20 s: 1
anthropic, Python, told 90 and no retry: calls within 20 s: 1
groq, Python, told 59: calls within 20 s: 1
groq, Python, told 90: calls within 20 s: 3
groq, Python, told 90 and no retry: calls within 20 s: 1
openai, JavaScript, told 59: calls within 20 s: 1
openai, JavaScript, told 90: calls within 20 s: 3
openai, JavaScript, told 90 and no retry: calls within 20 s: 1
openai, Python, told 59: calls within 20 s: 1
openai, Python, told 90: calls within 20 s: 1
openai, Python, told 90 and no retry: calls within 20 s: 1
EXPECTED
echo "as seen before"
