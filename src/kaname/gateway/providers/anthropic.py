"""Anthropic: its own Messages format natively, chat completions by translation."""

from collections.abc import Mapping
from typing import Final

from kaname.gateway.dialects.anthropic.codec import MessagesCodec
from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.dialects.model import Document, ProviderCodec
from kaname.gateway.model import Surface
from kaname.gateway.providers.model import HeaderLines, SignerFactory, Translation, plain_key_problem
from kaname.gateway.providers.said_error import SaidError

_PATHS: Final[Mapping[Surface, str]] = {"messages": "/messages", "count_tokens": "/messages/count_tokens"}


def _messages_path(model: str, options: Mapping[str, str], stream: bool) -> str:
    return "/messages"


class AnthropicAdapter:
    """See `Adapter`. The version header is the client's where it speaks Messages itself."""

    type = "anthropic"
    options: Mapping[str, bool] = {}
    signer: SignerFactory | None = None
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

    def codec(self, surface: Surface, model: str) -> Translation | None:
        """See `Adapter`."""
        return self._translation if surface == "chat_completions" else None

    def read_error(self, status: int, headers: Mapping[bytes, bytes], document: Document) -> SaidError | None:
        """See `Adapter`. Anthropic's own words go to clients that speak Messages, so they aren't changed here."""
        return None

    def key_problem(self, secret: str) -> str:
        """See `Adapter`."""
        return plain_key_problem(secret)


ANTHROPIC: Final = AnthropicAdapter()
