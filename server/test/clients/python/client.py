"""Calls a Patchbay server over gRPC and prints what came of it, as JSON.

Usage: client.py HOST:PORT API_KEY ENDPOINT_URL
"""

import json
import sys
import time

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from patchbay.v1 import chat_pb2, chat_service_pb2, chat_service_pb2_grpc
from patchbay.v1 import llm_pb2, llm_service_pb2, llm_service_pb2_grpc


def main(address: str, api_key: str, endpoint_url: str) -> None:
    metadata = [("authorization", f"Bearer {api_key}")]
    with grpc.insecure_channel(address) as channel:
        llms = llm_service_pb2_grpc.LlmServiceStub(channel)
        chat = chat_service_pb2_grpc.ChatServiceStub(channel)

        def create(model: str) -> llm_pb2.Llm:
            request = llm_service_pb2.CreateLlmRequest(
                display_name="From Python",
                provider_type=llm_pb2.Llm.VLLM,
                endpoint_url=endpoint_url,
                model_identifier=model,
                labels={"language": "Python"},
            )
            return llms.CreateLlm(request, metadata=metadata).llm

        def stream(llm: llm_pb2.Llm, timeout: float | None = None):
            request = chat_service_pb2.StreamChatRequest(llm_id=llm.llm_id, message="Hi")
            return chat.StreamChat(request, metadata=metadata, timeout=timeout)

        slow, silent, stalling = create("slow"), create("silent"), create("stalling")
        print(
            json.dumps(
                {
                    "created": {"id": slow.llm_id, "labels": dict(slow.labels)},
                    "duplicate": failure_of(lambda: create("slow")),
                    "listed": list_ids(llms, metadata),
                    "streamed": read(stream(slow)),
                    "late": failure_of(lambda: list(stream(silent, timeout=0.3))),
                    "left": failure_of(lambda: leave(stream(stalling))),
                    "watched": watch(llms, metadata, lambda: create("watched")),
                }
            )
        )


def list_ids(llms: llm_service_pb2_grpc.LlmServiceStub, metadata) -> list[str]:
    """All ids, by pages of two."""
    ids: list[str] = []
    request = llm_service_pb2.ListLlmsRequest(page_size=2)
    while True:
        page = llms.ListLlms(request, metadata=metadata)
        ids += [llm.llm_id for llm in page.llms]
        if not page.next_page_token:
            return ids
        request.page_token = page.next_page_token


def read(events) -> dict:
    """The words of a chat, the time between the first and the last, and how it ended."""
    words, times, stop_reason = [], [], None
    for event in events:
        if event.WhichOneof("event") == "text_delta":
            words.append(event.text_delta)
            times.append(time.monotonic())
        elif event.WhichOneof("event") == "end":
            stop_reason = chat_pb2.StopReason.Name(event.end.stop_reason)
    return {"words": words, "ms": (times[-1] - times[0]) * 1000, "stopReason": stop_reason}


def leave(events) -> None:
    """Cancels a chat after its first word."""
    for event in events:
        if event.WhichOneof("event") == "text_delta":
            events.cancel()


def watch(llms: llm_service_pb2_grpc.LlmServiceStub, metadata, make) -> dict:
    """Sees an Llm be made."""
    events = llms.WatchLlms(llm_service_pb2.WatchLlmsRequest(), metadata=metadata)
    kinds = llm_service_pb2.WatchLlmsResponse.Kind
    first = next(events)
    made = make()
    event = next(event for event in events if event.kind == kinds.Value("CREATED"))
    events.cancel()
    return {"first": kinds.Name(first.kind), "id": event.llm_id, "made": made.llm_id}


def failure_of(call) -> dict:
    """What a call that must fail failed with, and how long it took."""
    started = time.monotonic()
    try:
        call()
    except grpc.RpcError as error:
        failure = {"code": error.code().name, "message": error.details(), "ms": (time.monotonic() - started) * 1000}
        status = rpc_status.from_call(error)
        info = error_details_pb2.ErrorInfo()
        if status and any(detail.Unpack(info) for detail in status.details):
            failure |= {"reason": info.reason, "metadata": dict(info.metadata)}
        return failure
    raise AssertionError("the call succeeded, and should not have")


if __name__ == "__main__":
    main(*sys.argv[1:])
