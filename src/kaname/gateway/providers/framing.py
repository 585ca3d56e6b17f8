"""How a provider's stream is cut into events."""

from kaname.gateway.providers.model import Framing
from kaname.gateway.translated_stream import Framer, SseFramer


def framer(framing: Framing, max_event_bytes: int) -> Framer:
    """The framer for a way of framing."""
    return SseFramer(max_event_bytes)
