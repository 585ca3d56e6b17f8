"""The plain case of a provider that speaks formats of its own: one base URL, a bearer key, a codec for each surface."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.dialects.model import Document, ProviderCodec
from kaname.gateway.model import Surface
from kaname.gateway.providers.model import HeaderLines, SignerFactory, Translation, bearer, plain_key_problem
from kaname.gateway.providers.said_error import SaidError, flat_error


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatingAdapter:
    """See `Adapter`."""

    type: str
    url: str
    translations: Mapping[Surface, Translation]
    native: Mapping[Surface, str] = field(default_factory=dict[Surface, str])
    """Paths of the surfaces that are passed through."""
    options: Mapping[str, bool] = field(default_factory=dict[str, bool])
    signer: SignerFactory | None = None
    chat_codec: ProviderCodec = field(default_factory=ChatCodec)

    def default_url(self, options: Mapping[str, str]) -> str:
        """See `Adapter`."""
        return self.url

    def headers(self, secret: str, options: Mapping[str, str]) -> HeaderLines:
        """See `Adapter`."""
        return bearer(secret)

    def native_path(self, surface: Surface, model: str, options: Mapping[str, str], *, stream: bool) -> str | None:
        """See `Adapter`."""
        return self.native.get(surface)

    def codec(self, surface: Surface, model: str) -> Translation | None:
        """See `Adapter`."""
        return self.translations.get(surface)

    def read_error(self, status: int, headers: Mapping[bytes, bytes], document: Document) -> SaidError | None:
        """See `Adapter`."""
        return flat_error(status, document) if not isinstance(document.get("error"), dict) else None

    def key_problem(self, secret: str) -> str:
        """See `Adapter`."""
        return plain_key_problem(secret)
