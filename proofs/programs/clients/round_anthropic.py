"""The anthropic package, as its readme has it: Messages with a tool, whole and streamed, count_tokens, models."""
import os

from anthropic import Anthropic

MODEL = os.environ["MODEL"]
client = Anthropic(base_url=os.environ["BASE"], api_key=os.environ["KEY"])
schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
asked = {"model": MODEL, "max_tokens": 1024, "tools": [{"name": "get_weather", "input_schema": schema}]}
messages = [{"role": "user", "content": "How is the weather in Rome?"}]
called = client.messages.create(messages=messages, **asked)
call = next(block for block in called.content if block.type == "tool_use")
messages.append({"role": "assistant", "content": called.content})
result = {"type": "tool_result", "tool_use_id": call.id, "content": "patchbay-42 degrees"}
messages.append({"role": "user", "content": [result]})
with client.messages.stream(messages=messages, **asked) as stream:
    final = stream.get_final_message()
print("messages:", final.content[0].text, "with usage" if final.usage.output_tokens else "")
print("count:", "counted" if client.messages.count_tokens(model=MODEL, messages=messages).input_tokens else "none")
print("models:", "listed" if MODEL in [model.id for model in client.models.list()] else "lost")
