"""The openai package, as its readme has it: Chat Completions with a tool, streamed and whole, Responses with a tool, embeddings, models."""
import json
import os

from openai import OpenAI

MODEL = os.environ["MODEL"]
client = OpenAI(base_url=os.environ["BASE"] + "/v1", api_key=os.environ["KEY"])
parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
result = "patchbay-42 degrees"

messages = [{"role": "user", "content": "How is the weather in Rome?"}]
tools = [{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}]
called = client.chat.completions.create(model=MODEL, messages=messages, tools=tools).choices[0].message
json.loads(called.tool_calls[0].function.arguments)
messages += [called, {"role": "tool", "tool_call_id": called.tool_calls[0].id, "content": result}]
text, usage = "", None
for chunk in client.chat.completions.create(
    model=MODEL, messages=messages, tools=tools, stream=True, stream_options={"include_usage": True}
):
    text += chunk.choices[0].delta.content or "" if chunk.choices else ""
    usage = chunk.usage or usage
print("chat:", text, "with usage" if usage.total_tokens else "")

input = [{"role": "user", "content": "How is the weather in Rome?"}]
functions = [{"type": "function", "name": "get_weather", "parameters": parameters, "strict": False}]
first = client.responses.create(model=MODEL, input=input, tools=functions, store=False)
call = next(item for item in first.output if item.type == "function_call")
input += [item.to_dict() for item in first.output]
input.append({"type": "function_call_output", "call_id": call.call_id, "output": result})
text = ""
for event in client.responses.create(model=MODEL, input=input, tools=functions, store=False, stream=True):
    text += event.delta if event.type == "response.output_text.delta" else ""
print("responses:", text)

print("models:", "listed" if MODEL in [model.id for model in client.models.list()] else "lost", end=" ")
print("found" if client.models.retrieve(MODEL).id == MODEL else "lost")
data = client.embeddings.create(model=os.environ["EMBEDDINGS"], input=["a", "b"]).data
print("embeddings:", len(data), ",".join(str(number) for number in data[0].embedding))
