#!/usr/bin/env bash
# A reply with a LINE SEPARATOR (U+2028) in it is empty through LiteLLM, ended by "stop", while the vendors' SDKs read all.
#
# Seen with litellm 1.108.7 and ollama 0.6.3, beside openai 3.3.0, anthropic 2.14.0 and google-genai 3.6.1 (PyPI). Lines of
# an event stream end with CR or LF only, and JSON holds U+2028 as it is: Node's JSON.stringify and pydantic, by which vLLM
# writes, leave it so. Both libraries read with httpx's iter_lines, which breaks lines there as well. LiteLLM passes over
# the halves that are no JSON, so that its models of anthropic, hosted_vllm and ollama_chat return nothing and those of
# gemini a text without the sign; only its openai models, which openai's SDK reads, are whole. ollama raises a JSON error.
# We had guessed that readers of event streams agree on what a line is, and that one which cannot read an event says so.
# Text that is copied from a web page or a PDF holds the sign. A gateway is safe before all of them if it escapes U+2028,
# U+2029 and U+0085 in what it streams.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
python/bin/uv pip install --quiet --python python/bin/python litellm==1.108.7 ollama==0.6.3 openai==3.3.0 anthropic==2.14.0 \
  google-genai==3.6.1

cat >replies.py <<'PY'
import json, logging, os, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
logging.disable()
import litellm
from anthropic import Anthropic
from google import genai
from ollama import Client as Ollama
from openai import OpenAI

TEXTS = {"plain": "one two", "separated": "one\u2028two"}
MODEL, MESSAGES = "claude-sonnet-4-6", [{"role": "user", "content": "Count."}]


def chunk(delta, finish_reason=None):
    choices = [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1764500000, "model": "m", "choices": choices}


def completion(text):
    return [chunk({"role": "assistant", "content": text}), chunk({}, "stop")]


def message(text):
    usage = {"input_tokens": 9, "output_tokens": 3}
    first = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": [], "usage": usage}
    return [
        {"type": "message_start", "message": {**first, "stop_reason": None, "stop_sequence": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]


def candidate(text):
    return [{"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}]}]


def lines(text):
    created_at = "2026-11-30T00:00:00Z"
    word = {"model": "m", "created_at": created_at, "message": {"role": "assistant", "content": text}, "done": False}
    return [word, {**word, "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}]


APIS = {api.__name__: api for api in (completion, message, candidate, lines)}


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        api, text = self.path.split("/")[1:3]
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson" if api == "lines" else "text/event-stream")
        self.end_headers()
        for event in APIS[api](TEXTS[text]):
            name = f"event: {event['type']}\n" if "type" in event else ""
            data = json.dumps(event, ensure_ascii=False)
            self.wfile.write((f"{data}\n" if api == "lines" else f"{name}data: {data}\n\n").encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()


def by_openai(url):
    stream = OpenAI(base_url=url, api_key="k").chat.completions.create(model="m", messages=MESSAGES, stream=True)
    return "".join(piece.choices[0].delta.content or "" for piece in stream)


def by_anthropic(url):
    with Anthropic(base_url=url, api_key="k").messages.stream(model=MODEL, max_tokens=9, messages=MESSAGES) as stream:
        return stream.get_final_text()


def by_google(url):
    client = genai.Client(api_key="k", http_options={"base_url": url})
    return "".join(piece.text or "" for piece in client.models.generate_content_stream(model="m", contents="Count."))


def by_ollama(url):
    return "".join(piece.message.content for piece in Ollama(host=url).chat(model="m", messages=MESSAGES, stream=True))


def by_litellm(model):
    def read(url):
        stream = litellm.completion(model=model, api_base=url, api_key="k", messages=MESSAGES, stream=True)
        choices = [piece.choices[0] for piece in stream]
        return "".join(choice.delta.content or "" for choice in choices), choices[-1].finish_reason

    return read


for name, api, read in [
    ("openai", "completion", by_openai),
    ("anthropic", "message", by_anthropic),
    ("google-genai", "candidate", by_google),
    ("ollama", "lines", by_ollama),
    ("litellm, openai", "completion", by_litellm("openai/m")),
    ("litellm, hosted_vllm", "completion", by_litellm("hosted_vllm/m")),
    ("litellm, anthropic", "message", by_litellm(f"anthropic/{MODEL}")),
    ("litellm, gemini", "candidate", by_litellm("gemini/m")),
    ("litellm, ollama_chat", "lines", by_litellm("ollama_chat/m")),
]:
    for text in TEXTS:
        try:
            print(f"{name}, {text}: {ascii(read(f'http://127.0.0.1:{server.server_port}/{api}/{text}'))}")
        except Exception as error:
            print(f"{name}, {text}: {type(error).__name__}")
PY
python/bin/python replies.py 2>log | tee seen

diff - seen <<'EXPECTED'
openai, plain: 'one two'
openai, separated: 'one\u2028two'
anthropic, plain: 'one two'
anthropic, separated: 'one\u2028two'
google-genai, plain: 'one two'
google-genai, separated: 'one\u2028two'
ollama, plain: 'one two'
ollama, separated: JSONDecodeError
litellm, openai, plain: ('one two', 'stop')
litellm, openai, separated: ('one\u2028two', 'stop')
litellm, hosted_vllm, plain: ('one two', 'stop')
litellm, hosted_vllm, separated: ('', 'stop')
litellm, anthropic, plain: ('one two', 'stop')
litellm, anthropic, separated: ('', 'stop')
litellm, gemini, plain: ('one two', 'stop')
litellm, gemini, separated: ('onetwo', 'stop')
litellm, ollama_chat, plain: ('one two', 'stop')
litellm, ollama_chat, separated: ('', 'stop')
EXPECTED
echo "as seen before"
