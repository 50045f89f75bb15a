"""Lists and creates by the client that openapi-generator makes for Python."""

import os

import openapi_client
from openapi_client.api.llm_service_api import LlmServiceApi
from openapi_client.exceptions import ConflictException
from openapi_client.models import CreateLlmRequest

configuration = openapi_client.Configuration(host=os.environ["PATCHBAY_URL"], access_token=os.environ["PATCHBAY_KEY"])
llms = LlmServiceApi(openapi_client.ApiClient(configuration))
request = CreateLlmRequest(
    display_name="openapi-generator",
    provider_type="CUSTOM_OPENAI_COMPATIBLE",
    endpoint_url="patchbay:demo",
    model_identifier="demo",
    labels={"by": "python"},
)
made = llms.llm_service_create_llm(request).llm
try:
    llms.llm_service_create_llm(request)
except ConflictException as error:
    reason = error.data.error.details[0].reason
listed = llms.llm_service_list_llms(labels=["by=python"]).llms
print(str(listed[0].llm_id == made.llm_id and listed[0].labels == {"by": "python"}).lower(), reason)
