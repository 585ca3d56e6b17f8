"""Recorded event streams of every gateway surface → the response object that a plain call would have given.

Total, like `chat_stream.py`: what was cut, truncated or unreadable gives what arrived.
"""

from kaname.gateway.dialects.anthropic.stream import MessagesDecoder
from kaname.gateway.dialects.chat.encoder import ChatEncoder
from kaname.gateway.model import Surface
from kaname.gateway.stream import event_data, split_events
from kaname.kernel.errors import UpstreamError
from kaname.traces.chat_stream import read_stream
from kaname.traces.coerce import parse_json
from kaname.traces.model import AttributeValue

_Object = dict[str, AttributeValue]
_TERMINAL = ("response.completed", "response.incomplete", "response.failed")


def read_surface_stream(surface: Surface, body: bytes) -> tuple[_Object, bool]:
    """The response and whether the stream ended as it should."""
    if surface == "messages":
        return _read_messages(body)
    if surface == "responses":
        return _read_responses(body)
    return read_stream(body)


def _read_messages(body: bytes) -> tuple[_Object, bool]:
    decoder, encoder = MessagesDecoder(), ChatEncoder("", include_usage=True)
    chunks: list[bytes] = []
    try:
        for event in split_events(body):
            if data := event_data(event):
                chunks += [encoder.feed(chunk) for chunk in decoder.feed("", data)]
        chunks += [encoder.feed(chunk) for chunk in decoder.finish()]
        chunks.append(encoder.finish())
    except UpstreamError:  # an error event, or no end: what came before is shown
        pass
    response, complete = read_stream(b"".join(chunks))
    return response, complete and decoder.done


def _read_responses(body: bytes) -> tuple[_Object, bool]:
    texts: list[str] = []
    for event in split_events(body):
        document = parse_json(event_data(event).decode("utf-8", "replace"))
        if not isinstance(document, dict):
            continue
        kind, response = document.get("type"), document.get("response")
        if kind in _TERMINAL and isinstance(response, dict):
            return response, kind == "response.completed"
        delta = document.get("delta")
        if kind == "response.output_text.delta" and isinstance(delta, str):
            texts.append(delta)
    if not texts:
        return {}, False
    message: _Object = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "".join(texts)}],
    }
    return {"object": "response", "output": [message]}, False
