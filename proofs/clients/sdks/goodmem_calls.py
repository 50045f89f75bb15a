"""Every call of contract 003's own SDK that concerns LLMs. Arguments: address, key, the endpoint of an Llm."""

import sys
import uuid

from goodmem import Goodmem
from goodmem.errors import APIError, BadRequestError, ConflictError, NotFoundError
from goodmem.models.api_key_auth import ApiKeyAuth
from goodmem.models.endpoint_authentication import EndpointAuthentication

address, key, endpoint = sys.argv[1:4]
client = Goodmem(base_url=address, api_key=key)


def create(**said):
    given = {
        "display_name": "From the SDK",
        "provider_type": "CUSTOM_OPENAI_COMPATIBLE",
        "endpoint_url": endpoint,
        "model_identifier": f"model-{uuid.uuid4()}",
        **said,
    }
    return client.llms.create(**given)


made = create(api_key="sk-goodmem-0123456789", labels={"team": "ai"}, max_context_length=4096)
llm = made.llm
assert llm.labels == {"team": "ai"} and isinstance(llm.created_at, int), llm
assert made.statuses, "creation says what it inferred"

annotated = create(
    credentials=EndpointAuthentication(
        kind="CREDENTIAL_KIND_API_KEY",
        api_key=ApiKeyAuth(inline_secret="sk-labelled-0123456789"),
        labels={"owner": "vertex"},
    )
)
# The SDK drops codes that it does not know, and keeps their messages.
assert any("labels of the credentials are not kept" in one.message for one in annotated.statuses), annotated.statuses

try:
    create(model_identifier=llm.model_identifier, api_key="sk-goodmem-0123456789")
    raise SystemExit("a duplicate was made")
except ConflictError as error:
    assert "same connection" in str(error) or "same connection" in error.body, error.body

assert client.llms.get(id=llm.llm_id).display_name == "From the SDK"
assert client.llms.get(id=llm.llm_id, include_credentials=False).credentials is None
try:
    client.llms.get(id=llm.llm_id, include_credentials=True)
    raise SystemExit("credentials were returned")
except BadRequestError as error:
    assert "never returned" in error.body, error.body

merged = client.llms.update(id=llm.llm_id, request={"merge_labels": {"stage": "test"}})
assert merged.labels == {"team": "ai", "stage": "test"}, merged.labels
replaced = client.llms.update(id=llm.llm_id, request={"replace_labels": {"labels": "x"}, "display_name": "Renamed"})
assert replaced.labels == {"labels": "x"} and replaced.display_name == "Renamed", replaced
cleared = client.llms.update(id=llm.llm_id, request={"replace_labels": {}})
assert cleared.labels == {}, cleared.labels
sampled = client.llms.update(id=llm.llm_id, request={"default_sampling_params": {"temperature": 0.5, "max_tokens": 64}})
assert sampled.default_sampling_params.temperature == 0.5, sampled

dashscope = create(provider_type="DASHSCOPE", api_key="sk-dash-0123456789", dashscope_api_dialect="OPENAI_COMPATIBLE")
assert dashscope.llm.dashscope_api_dialect.value == "OPENAI_COMPATIBLE", dashscope.llm
try:
    create(provider_type="DASHSCOPE", dashscope_api_dialect="LLM_NATIVE_TEXT")
    raise SystemExit("a dialect was taken that is not spoken")
except BadRequestError as error:
    assert "OPENAI_COMPATIBLE" in error.body, error.body

for n in range(70):
    create(labels={"many": "yes"})
assert len(client.llms.list()) == 73, len(client.llms.list())
assert len(client.llms.list(label={"many": "yes"})) == 70
assert len(client.llms.list(provider_type="DASHSCOPE")) == 1

once = client.ping.once(target_id=llm.llm_id)
assert once.ok and once.http_status == 200 and once.endpoint.target_id == llm.llm_id, once
with client.ping.stream(target_id=llm.llm_id, count=2, interval_ms=1) as stream:
    events = list(stream)
assert [bool(event.result) for event in events] == [True, True, False], events
assert events[-1].summary.ok == 2, events[-1]

try:
    client.llms.get(id=str(uuid.uuid4()))
    raise SystemExit("a stranger was found")
except NotFoundError:
    pass
try:
    client.ping.once(target_id=llm.llm_id, payload="hello")
    raise SystemExit("a payload was taken that is not sent")
except APIError as error:
    assert "payload" in error.body, error.body
client.llms.delete(id=llm.llm_id)
assert len(client.llms.list()) == 72
print("ok")
