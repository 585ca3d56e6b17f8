"""Gemini by its API and a key. Vertex AI, which serves the same models under another roof, is in `vertex.py`."""

from collections.abc import Mapping
from typing import Final

from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.dialects.embeddings.google import GeminiEmbeddings
from kaname.gateway.dialects.gemini.codec import GeminiCodec
from kaname.gateway.dialects.model import Document, ProviderCodec
from kaname.gateway.model import Surface
from kaname.gateway.providers.google_error import google_error
from kaname.gateway.providers.model import HeaderLines, SignerFactory, Translation, path_segment, plain_key_problem
from kaname.gateway.providers.said_error import SaidError


def _model(model: str) -> str:
    return path_segment(model.removeprefix("models/"))


def _chat_path(model: str, options: Mapping[str, str], stream: bool) -> str:
    return f"/models/{_model(model)}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"


def _embed_path(model: str, options: Mapping[str, str], stream: bool) -> str:
    return f"/models/{_model(model)}:batchEmbedContents"


class GeminiAdapter:
    """See `Adapter`."""

    type = "gemini"
    options: Mapping[str, bool] = {}
    signer: SignerFactory | None = None
    chat_codec: ProviderCodec = ChatCodec()
    _translations: Mapping[Surface, Translation] = {
        "chat_completions": Translation(codec=GeminiCodec(), path=_chat_path),
        "embeddings": Translation(codec=GeminiEmbeddings(), path=_embed_path),
    }

    def default_url(self, options: Mapping[str, str]) -> str:
        """See `Adapter`."""
        return "https://generativelanguage.googleapis.com/v1beta"

    def headers(self, secret: str, options: Mapping[str, str]) -> HeaderLines:
        """See `Adapter`."""
        return [("x-goog-api-key", secret)] if secret else []

    def native_path(self, surface: Surface, model: str, options: Mapping[str, str], *, stream: bool) -> str | None:
        """See `Adapter`."""
        return None

    def codec(self, surface: Surface, model: str) -> Translation | None:
        """See `Adapter`."""
        return self._translations.get(surface)

    def read_error(self, status: int, headers: Mapping[bytes, bytes], document: Document) -> SaidError | None:
        """See `Adapter`."""
        return google_error(status, document)

    def key_problem(self, secret: str) -> str:
        """See `Adapter`."""
        return plain_key_problem(secret)


GEMINI: Final = GeminiAdapter()
