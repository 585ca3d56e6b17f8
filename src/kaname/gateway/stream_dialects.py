"""Streams that are passed through, by surface."""

from collections.abc import Mapping

from kaname.gateway.dialects.passed_streams import MESSAGES_STREAM, RESPONSES_STREAM
from kaname.gateway.model import Surface
from kaname.gateway.stream import CHAT_STREAM, StreamDialect

STREAM_DIALECTS: Mapping[Surface, StreamDialect] = {
    "chat_completions": CHAT_STREAM,
    "completions": CHAT_STREAM,
    "messages": MESSAGES_STREAM,
    "responses": RESPONSES_STREAM,
}
