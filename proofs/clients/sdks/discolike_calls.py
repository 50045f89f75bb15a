"""Every call of contract 000's own SDK that concerns LLMs. Arguments: address, key, the endpoint of an Llm."""

import sys
import uuid

from discolike import Discolike
from discolike.requests import LLMProviderCreateRequest, LLMProviderUpdateRequest

address, key, endpoint = sys.argv[1:4]
client = Discolike(api_key=key, base_url=f"{address}/v1")
providers = client.llm_providers

request = LLMProviderCreateRequest(
    integration_name="From the SDK",
    provider="custom",
    model_name=f"model-{uuid.uuid4()}",
    base_url=endpoint,
    api_key="sk-discolike-0123456789",
)
made = providers.create(request)
assert made.integration_id, made
assert providers.test_connection(request).status == "success"
assert [one.integration_id for one in providers.list().providers] == [made.integration_id]
assert providers.get(integration_id=made.integration_id).integration_name == "From the SDK"
renamed = LLMProviderUpdateRequest(
    integration_name="Renamed", provider="custom", model_name=request.model_name, base_url=endpoint, api_key="*****"
)
changed = providers.update(renamed, integration_id=made.integration_id)
assert changed.integration_id == made.integration_id, changed
assert providers.get(integration_id=made.integration_id).integration_name == "Renamed"
assert providers.set_default(integration_id=made.integration_id).integration_id == made.integration_id
try:
    providers.create(request)
    raise SystemExit("a duplicate was made")
except Exception as error:
    assert "same connection" in str(error), repr(error)
providers.delete(integration_id=made.integration_id)
try:
    providers.get(integration_id=made.integration_id)
    raise SystemExit("what was deleted is there")
except Exception as error:
    assert "no llm" in str(error).lower() or "not found" in str(error).lower() or "there is no" in str(error), repr(error)
print("ok")
