"""Lists and creates by the client that openapi-python-client makes."""

import os

from patchbay_client import AuthenticatedClient
from patchbay_client.api.llm_service import llm_service_create_llm, llm_service_list_llms
from patchbay_client.models import CreateLlmRequest, CreateLlmRequestLabels, LlmProviderType

client = AuthenticatedClient(base_url=os.environ["PATCHBAY_URL"], token=os.environ["PATCHBAY_KEY"])
request = CreateLlmRequest(
    display_name="openapi-python-client",
    provider_type=LlmProviderType.CUSTOM_OPENAI_COMPATIBLE,
    endpoint_url="patchbay:demo",
    model_identifier="demo",
    labels=CreateLlmRequestLabels.from_dict({"by": "python"}),
)
made = llm_service_create_llm.sync(client=client, body=request).llm
again = llm_service_create_llm.sync(client=client, body=request)
listed = llm_service_list_llms.sync(client=client, labels=["by=python"]).llms
print(str(listed[0].llm_id == made.llm_id).lower(), again.error.details[0].reason)
