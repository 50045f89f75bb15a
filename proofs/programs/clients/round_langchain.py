"""LangChain with OpenAI's and Anthropic's classes: a tool, and the text that follows it."""
import os

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

BASE, KEY, MODEL = (os.environ[name] for name in ("BASE", "KEY", "MODEL"))


@tool
def get_weather(city: str) -> str:
    """Tells the weather."""
    return "patchbay-42 degrees"


models = {
    "openai": ChatOpenAI(model=MODEL, base_url=BASE + "/v1", api_key=KEY),
    "responses": ChatOpenAI(model=MODEL, base_url=BASE + "/v1", api_key=KEY, use_responses_api=True),
    "anthropic": ChatAnthropic(model=MODEL, base_url=BASE, api_key=KEY),
}
for name, model in models.items():
    bound = model.bind_tools([get_weather])
    messages = [HumanMessage("How is the weather in Rome?")]
    called = bound.invoke(messages)
    [call] = called.tool_calls
    messages += [called, ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])]
    text = "".join(chunk.text if isinstance(chunk.text, str) else chunk.text() for chunk in bound.stream(messages))
    print(f"{name}:", text)
