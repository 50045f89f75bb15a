"""The client of a Patchbay server: a channel that knows the key, and errors unpacked. The stubs are in patchbay.v1."""

from __future__ import annotations

import dataclasses
import typing
from urllib.parse import urlsplit

import grpc
import grpc.aio
from google.rpc import error_details_pb2
from grpc_status import rpc_status

__all__ = ["Problem", "connect", "connect_async", "problem_of"]

Options = typing.Sequence[typing.Tuple[str, typing.Any]]


def connect(url: str, api_key: str, options: Options = ()) -> grpc.Channel:
    """A channel for the stubs of patchbay.v1. It connects when the first call is made.

    The url is like http://127.0.0.1:8080 or https://patchbay.example.com; the key goes along with every call.
    """
    address, is_secure = _address_of(url)
    if is_secure:
        channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(), list(options))
    else:
        channel = grpc.insecure_channel(address, list(options))
    return grpc.intercept_channel(channel, _Key(api_key))


def connect_async(url: str, api_key: str, options: Options = ()) -> grpc.aio.Channel:
    """As connect, for asyncio: the same stubs, whose calls are awaited."""
    address, is_secure = _address_of(url)
    interceptors = [_AsyncUnaryKey(api_key), _AsyncStreamKey(api_key)]
    if is_secure:
        return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(), list(options), interceptors=interceptors)
    return grpc.aio.insecure_channel(address, list(options), interceptors=interceptors)


def _address_of(url: str) -> tuple[str, bool]:
    said = urlsplit(url)
    if said.scheme not in ("http", "https") or not said.hostname:
        raise ValueError(f"url must be like http://127.0.0.1:8080 or https://patchbay.example.com, and is {url!r}")
    host = f"[{said.hostname}]" if ":" in said.hostname else said.hostname
    is_secure = said.scheme == "https"
    return f"{host}:{said.port or (443 if is_secure else 80)}", is_secure


class _Details(
    typing.NamedTuple(
        "_Details",
        [(name, typing.Any) for name in ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression")],
    ),
    grpc.ClientCallDetails,
):
    """The details of a call, which gRPC wants in an object of ours when they are changed."""


class _Key(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    def __init__(self, api_key: str) -> None:
        self._header = ("authorization", f"Bearer {api_key}")

    def _add(self, details):
        metadata = [*(details.metadata or ()), self._header]
        return _Details(
            details.method,
            details.timeout,
            metadata,
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )

    def intercept_unary_unary(self, continuation, client_call_details, request):
        return continuation(self._add(client_call_details), request)

    def intercept_unary_stream(self, continuation, client_call_details, request):
        return continuation(self._add(client_call_details), request)


class _AsyncKey:
    def __init__(self, api_key: str) -> None:
        self._header = ("authorization", f"Bearer {api_key}")

    def _add(self, details):
        metadata = grpc.aio.Metadata(*(details.metadata or ()), self._header)
        return details._replace(metadata=metadata)


# Two classes: gRPC takes an interceptor of asyncio for the first kind that it is of, and for no other.
class _AsyncUnaryKey(_AsyncKey, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation, client_call_details, request):
        return await continuation(self._add(client_call_details), request)


class _AsyncStreamKey(_AsyncKey, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation, client_call_details, request):
        return await continuation(self._add(client_call_details), request)


@dataclasses.dataclass(frozen=True)
class Problem:
    """What an error of a call says, unpacked."""

    code: grpc.StatusCode
    #: A word of Reason in patchbay/v1/reason.proto; empty when the error did not come from the server.
    reason: str
    message: str
    metadata: dict[str, str]
    #: What is wrong with which field.
    fields: dict[str, str]
    retry_after_seconds: float | None
    #: Names the call in the server's log.
    request_id: str


def problem_of(error: grpc.RpcError) -> Problem:
    """Reads the error of a call."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    request = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    call = error_details_pb2.RequestInfo()
    for detail in status.details if status else ():
        for kind in (info, request, retry, call):
            detail.Unpack(kind)
    delay = retry.retry_delay
    return Problem(
        code=error.code(),
        reason=info.reason,
        message=error.details() or "",
        metadata=dict(info.metadata),
        fields={violation.field: violation.description for violation in request.field_violations},
        retry_after_seconds=delay.seconds + delay.nanos / 1e9 if retry.HasField("retry_delay") else None,
        request_id=call.request_id,
    )
