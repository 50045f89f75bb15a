#!/usr/bin/env bash
# Of a stream that tells its usage with every chunk, two Python frameworks report the sum of all that was told.
#
# Seen with langchain-openai 1.7.4 and pydantic-ai-slim 2.38.0 (PyPI), beside openai 3.3.0, which both are built on. vLLM's
# continuous_usage_stats and some vendors put a usage into each chunk: the prompt's tokens, and those of the reply so far.
# For 100 tokens in and 3 out, told five times, LangChain's usage_metadata and PydanticAI's RunUsage are 500 in and 9
# out; the last word, which openai hands over, is 100 and 3. With a reply of 1,000 chunks the prompt counts a thousand times.
# We had guessed that a later usage replaces the one before, as it does in gateways, in openai and in the AI SDK. So a gateway
# that wants its callers' figures to agree with its own bill tells the usage once, in the last chunk.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
python/bin/uv pip install --quiet --python python/bin/python langchain-openai==1.7.4 langchain-core==1.8.3 \
  'pydantic-ai-slim[openai]==2.38.0' openai==3.3.0

cat >usages.py <<'PY'
import asyncio, json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from langchain_openai import ChatOpenAI
from openai import OpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


def chunk(output, choices):
    usage = {"prompt_tokens": 100, "completion_tokens": output, "total_tokens": 100 + output}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1764500000, "model": "m", "choices": choices, "usage": usage}


def piece(output, delta, finish_reason=None):
    return chunk(output, [{"index": 0, "delta": delta, "finish_reason": finish_reason}])


CHUNKS = [
    piece(0, {"role": "assistant", "content": ""}),
    piece(1, {"content": "one "}),
    piece(2, {"content": "two "}),
    piece(3, {"content": "three"}, "stop"),
    chunk(3, []),
]


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for data in [*map(json.dumps, CHUNKS), "[DONE]"]:
            self.wfile.write(f"data: {data}\n\n".encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
base_url = f"http://127.0.0.1:{server.server_port}"

told = [c.usage for c in OpenAI(base_url=base_url, api_key="k").chat.completions.create(model="m", messages=[], stream=True)]
print(f"openai: the last of {len(told)} says {told[-1].prompt_tokens} in, {told[-1].completion_tokens} out")

usage = ChatOpenAI(model="m", api_key="k", base_url=base_url, streaming=True).invoke("Count.").usage_metadata
print(f"LangChain: {usage['input_tokens']} in, {usage['output_tokens']} out")


async def run():
    agent = Agent(OpenAIChatModel("m", provider=OpenAIProvider(base_url=base_url, api_key="k")))
    async with agent.run_stream("Count.") as result:
        await result.get_output()
        return result.usage


usage = asyncio.run(run())
print(f"PydanticAI: {usage.input_tokens} in, {usage.output_tokens} out")
PY
python/bin/python usages.py | tee seen

diff - seen <<'EXPECTED'
openai: the last of 5 says 100 in, 3 out
LangChain: 500 in, 9 out
PydanticAI: 500 in, 9 out
EXPECTED
echo "as seen before"
