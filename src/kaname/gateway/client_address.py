"""From which network address a call came: the peer's, or the one that a trusted proxy tells.

Asked only for keys whose policy names networks, so that others don't pay for it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

Believe = Callable[[str, Iterable[tuple[bytes, bytes]]], str]
"""From the peer and the headers, all of them in order, to the client's address."""


def client_address(believe: Believe, source: object, headers: Mapping[bytes, bytes]) -> str:
    """The address; "" when there is none.

    `source` is the call's ASGI scope, or what holds its connection (`transport`) when it came the short way, on which
    no header is repeated.
    """
    if isinstance(source, Mapping):
        scope = cast("Mapping[str, Any]", source)
        peer, sent = scope.get("client"), scope["headers"]
    else:
        transport = getattr(source, "transport", None)
        peer, sent = transport.get_extra_info("peername") if transport is not None else None, headers.items()
    return believe(str(cast("Sequence[object]", peer)[0]), sent) if isinstance(peer, (tuple, list)) and peer else ""


def peer_only(peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Where no proxy is trusted."""
    return peer
