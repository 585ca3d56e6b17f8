"""Vertex AI: Gemini, Claude and embedding models of a Google Cloud project.

The credential is the JSON of a service account; a model whose name begins with `claude` is Anthropic's. Option `region`
is `global` unless it is set.
"""

from collections.abc import Mapping
from typing import Final

from kaname.gateway.dialects.anthropic.vertex import VertexMessagesCodec
from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.dialects.embeddings.google import VertexEmbeddings
from kaname.gateway.dialects.gemini.codec import GeminiCodec
from kaname.gateway.dialects.model import Document, ProviderCodec
from kaname.gateway.model import Surface
from kaname.gateway.providers.google_error import google_error
from kaname.gateway.providers.google_tokens import GoogleTokens, read_service_account
from kaname.gateway.providers.model import HeaderLines, SignerFactory, Translation, path_segment
from kaname.gateway.providers.said_error import SaidError

_GLOBAL: Final = "global"


def _model(publisher: str, model: str, options: Mapping[str, str]) -> str:
    project, region = path_segment(options["project"]), path_segment(options.get("region") or _GLOBAL)
    return f"/projects/{project}/locations/{region}/publishers/{publisher}/models/{path_segment(model)}"


def _gemini_path(model: str, options: Mapping[str, str], stream: bool) -> str:
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"{_model('google', model, options)}:{verb}"


def _claude_path(model: str, options: Mapping[str, str], stream: bool) -> str:
    return f"{_model('anthropic', model, options)}:{'streamRawPredict' if stream else 'rawPredict'}"


def _embed_path(model: str, options: Mapping[str, str], stream: bool) -> str:
    return f"{_model('google', model, options)}:predict"


class VertexAdapter:
    """See `Adapter`."""

    type = "vertex"
    options: Mapping[str, bool] = {"project": True, "region": False}
    chat_codec: ProviderCodec = ChatCodec()
    _gemini = Translation(codec=GeminiCodec(ids=False), path=_gemini_path)
    _claude = Translation(codec=VertexMessagesCodec(), path=_claude_path)
    _embeddings = Translation(codec=VertexEmbeddings(), path=_embed_path)

    @property
    def signer(self) -> SignerFactory | None:
        """See `Adapter`."""
        return GoogleTokens

    def default_url(self, options: Mapping[str, str]) -> str:
        """See `Adapter`."""
        region = options.get("region") or _GLOBAL
        host = "aiplatform" if region == _GLOBAL else f"{region}-aiplatform"
        return f"https://{host}.googleapis.com/v1"

    def headers(self, secret: str, options: Mapping[str, str]) -> HeaderLines:
        """See `Adapter`."""
        return []

    def native_path(self, surface: Surface, model: str, options: Mapping[str, str], *, stream: bool) -> str | None:
        """See `Adapter`."""
        return None

    def codec(self, surface: Surface, model: str) -> Translation | None:
        """See `Adapter`."""
        if surface == "chat_completions":
            return self._claude if model.startswith("claude") else self._gemini
        return self._embeddings if surface == "embeddings" else None

    def read_error(self, status: int, headers: Mapping[bytes, bytes], document: Document) -> SaidError | None:
        """See `Adapter`. Claude's errors have Anthropic's words, which are near enough."""
        return google_error(status, document)

    def key_problem(self, secret: str) -> str:
        """See `Adapter`."""
        try:
            read_service_account(secret)
        except ValueError as e:
            return str(e)
        return ""


VERTEX: Final = VertexAdapter()
