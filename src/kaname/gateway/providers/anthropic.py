"""Anthropic: its own Messages format natively, chat completions by translation."""

from collections.abc import Mapping
from typing import Final

from kaname.gateway.dialects.anthropic.codec import MessagesCodec
from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.dialects.model import ProviderCodec
from kaname.gateway.model import Surface
from kaname.gateway.providers.model import HeaderLines, Signer, Translation

_PATHS: Final[Mapping[Surface, str]] = {"messages": "/messages", "count_tokens": "/messages/count_tokens"}


def _messages_path(model: str, options: Mapping[str, str], stream: bool) -> str:
    return "/messages"


class AnthropicAdapter:
    """See `Adapter`. The version header is the client's where it speaks Messages itself."""

    type = "anthropic"
    options: Mapping[str, bool] = {}
    signer: Signer | None = None
    chat_codec: ProviderCodec = ChatCodec()
    _translation = Translation(codec=MessagesCodec(), path=_messages_path)

    def default_url(self, options: Mapping[str, str]) -> str:
        """See `Adapter`."""
        return "https://api.anthropic.com/v1"

    def headers(self, secret: str, options: Mapping[str, str]) -> HeaderLines:
        """See `Adapter`."""
        return [("x-api-key", secret)] if secret else []

    def native_path(self, surface: Surface, model: str, options: Mapping[str, str], *, stream: bool) -> str | None:
        """See `Adapter`."""
        return _PATHS.get(surface)

    def codec(self, surface: Surface) -> Translation | None:
        """See `Adapter`."""
        return self._translation if surface == "chat_completions" else None


ANTHROPIC: Final = AnthropicAdapter()
