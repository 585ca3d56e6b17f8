"""Traces an OpenAI client in place: chat completions (also streamed, parsed and asynchronous) and embeddings.

Calls to Kaname's own gateway get trace headers and **no span of their own**: the gateway records the whole call beneath
the current span, and a second record would count its tokens and cost twice. Requests to others are never changed.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from kaname_sdk.encode import encode
from kaname_sdk.faults import faults
from kaname_sdk.gateway import gateway_headers
from kaname_sdk.observation import AttributeMap, Observation, begin
from kaname_sdk.openai_client.attributes import request_attributes, response_attributes
from kaname_sdk.openai_client.messages import convert_choice, convert_input, convert_messages, read
from kaname_sdk.openai_client.stream import ChatAssembly, observe_stream
from kaname_sdk.runtime import get_runtime

C = TypeVar("C")
Call = Callable[..., Any]
_MARK = "_kaname_observed"
_TARGETS = (
    ("chat.completions", "create", "chat"),
    ("chat.completions", "parse", "chat"),
    ("embeddings", "create", "embeddings"),
)


def wrap(client: C) -> C:
    """Traces this client and returns it. Idempotent; never raises; a client of another shape is left alone."""
    for path, method, operation in _TARGETS:
        with faults.guard(f"wrap(): {path}.{method}"):
            _patch(client, path, method, operation)
    return client


def _patch(client: object, path: str, method: str, operation: str) -> None:
    owner: Any = client
    for name in path.split("."):
        owner = getattr(owner, name, None)
    original = getattr(owner, method, None)
    if not callable(original) or getattr(original, _MARK, False):
        return

    @functools.wraps(original)
    def observed(*args: Any, **kwargs: Any) -> Any:
        return _call(client, original, operation, args, kwargs)

    setattr(observed, _MARK, True)
    setattr(owner, method, observed)


def _call(client: object, original: Call, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    base_url = str(getattr(client, "base_url", "") or "")
    if _is_gateway(base_url):
        return original(*args, **_with_trace_headers(kwargs))
    running = _begin(operation, base_url, kwargs)
    if running is None:
        return original(*args, **kwargs)
    assembly = ChatAssembly()
    running.make_current()
    try:
        result = original(*args, **kwargs)
    except BaseException as e:
        running.leave()
        running.end(e)
        raise
    running.leave()
    if inspect.isawaitable(result):
        return _finish_later(result, running, operation, assembly)
    _finish(result, running, operation, assembly)
    return result


async def _finish_later(pending: Awaitable[Any], running: Observation, operation: str, assembly: ChatAssembly) -> Any:
    running.make_current()
    try:
        result = await pending
    except BaseException as e:
        running.leave()
        running.end(e)
        raise
    running.leave()
    _finish(result, running, operation, assembly)
    return result


def _is_gateway(base_url: str) -> bool:
    with faults.guard("reading the configuration"):
        url = get_runtime().config.url
        return bool(url) and (base_url == url or base_url.startswith(f"{url}/"))
    return False


def _with_trace_headers(kwargs: dict[str, Any]) -> dict[str, Any]:
    with faults.guard("adding trace headers"):
        given: Mapping[str, str] = kwargs.get("extra_headers") or {}
        return {**kwargs, "extra_headers": {**gateway_headers(), **given}}
    return kwargs


def _begin(operation: str, base_url: str, kwargs: Mapping[str, Any]) -> Observation | None:
    with faults.guard("reading an OpenAI request"):
        attributes = request_attributes(kwargs, operation, base_url)
        if get_runtime().config.capture:
            attributes.update(_request_content(operation, kwargs))
        return begin(f"{operation} {kwargs.get('model', '')}".strip(), attributes)
    return None


def _request_content(operation: str, kwargs: Mapping[str, Any]) -> AttributeMap:
    if operation == "embeddings":
        return {"gen_ai.input.messages": _encode(convert_input(kwargs.get("input")))}
    content: AttributeMap = {"gen_ai.input.messages": _encode(convert_messages(kwargs.get("messages")))}
    tools = kwargs.get("tools")
    if isinstance(tools, list | tuple) and tools:
        content["gen_ai.tool.definitions"] = _encode(tools)  # pyright: ignore[reportUnknownArgumentType]
    return content


def _finish(result: object, running: Observation, operation: str, assembly: ChatAssembly) -> None:
    with faults.guard("reading an OpenAI response"):
        if hasattr(result, "_iterator") and hasattr(result, "close"):
            observe_stream(result, assembly, functools.partial(_finish_stream, running))
            return
        running.set_attributes(response_attributes(result))
        if operation == "chat" and get_runtime().config.capture and running.span.is_recording():
            choices = read(result, "choices") or ()
            running.span.set_attribute("gen_ai.output.messages", _encode([convert_choice(c) for c in choices]))
    running.end()


def _finish_stream(running: Observation, assembly: ChatAssembly, error: BaseException | None) -> None:
    with faults.guard("reading an OpenAI stream"):
        running.set_attributes(response_attributes(assembly))
        if assembly.first_piece_s is not None:
            running.set_attributes({"gen_ai.response.time_to_first_chunk": assembly.first_piece_s})
        if get_runtime().config.capture:
            running.span.set_attribute("gen_ai.output.messages", _encode(assembly.messages()))
    running.end(error)


def _encode(value: object) -> str:
    config = get_runtime().config
    return encode(value, config.max_text, config.mask).text
