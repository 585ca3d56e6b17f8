"""What the gateway must know of a kind of provider, and the plain case of it.

An adapter is stateless and shared. It names paths under the provider's base URL, turns a credential into headers, and
gives a codec for what the provider says in a format of its own. It never opens a connection.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol
from urllib.parse import quote

from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.dialects.model import Document, ProviderCodec
from kaname.gateway.model import Surface
from kaname.gateway.providers.said_error import SaidError, flat_error

HeaderLines = Sequence[tuple[str, str]]
Framing = Literal["sse", "aws_event_stream"]


class OutgoingRequest(NamedTuple):
    """A request that is about to be sent, for signers."""

    host: str
    path: str
    body: bytes
    content_type: str


class FetchedToken(NamedTuple):
    """What a token endpoint answered."""

    status: int
    body: bytes


class TokenFetch(Protocol):
    """Asks a token endpoint, over TLS, without following redirects."""

    async def __call__(self, host: str, path: str, form: bytes) -> FetchedToken:
        """Posts a form; raises UpstreamError or UpstreamTimeoutError when there is no answer."""
        ...


class Signer(Protocol):
    """Credentials that depend on the request or must be fetched first (SigV4, OAuth)."""

    async def headers(self, request: OutgoingRequest, secret: str, options: Mapping[str, str]) -> HeaderLines:
        """Header lines that authorise this one request; raises UpstreamError (`upstream_credentials_exhausted`)."""
        ...


SignerFactory = Callable[[TokenFetch], Signer]


class Adapter(Protocol):
    """A kind of provider."""

    @property
    def type(self) -> str:
        """Its name in the configuration."""
        ...

    @property
    def options(self) -> Mapping[str, bool]:
        """Keys that its providers take besides the common ones, and whether they must be there."""
        ...

    @property
    def signer(self) -> SignerFactory | None:
        """None: `headers` is all the authorisation there is. Signers may keep tokens: one is made for each gateway."""
        ...

    @property
    def chat_codec(self) -> ProviderCodec:
        """How the hub is said where `chat_completions` is spoken natively but the client speaks something else."""
        ...

    def default_url(self, options: Mapping[str, str]) -> str:
        """Base URL when the configuration gives none; "" when it must."""
        ...

    def headers(self, secret: str, options: Mapping[str, str]) -> HeaderLines:
        """Header lines that are the same for every request with a credential ("" for none)."""
        ...

    def native_path(self, surface: Surface, model: str, options: Mapping[str, str], *, stream: bool) -> str | None:
        """Where a surface is spoken as the client speaks it, under the base URL; None when it isn't."""
        ...

    def codec(self, surface: Surface, model: str) -> "Translation | None":
        """How a surface (in its hub format) is said in the provider's own; None when it can't be."""
        ...

    def read_error(self, status: int, headers: Mapping[bytes, bytes], document: Document) -> SaidError | None:
        """The provider's error in OpenAI's words; None when it already speaks them, or can't be understood."""
        ...

    def key_problem(self, secret: str) -> str:
        """What is wrong with a credential, without showing it; "" when nothing is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A codec and where its requests go. `path` gets the model and whether it streams."""

    codec: ProviderCodec
    path: Callable[[str, Mapping[str, str], bool], str]
    framing: Framing = "sse"


def plain_key_problem(secret: str) -> str:
    """Of keys that are sent in a header as they are."""
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        return "it has spaces or odd characters"
    return ""


def path_segment(model: str) -> str:
    """A model's name as one segment of a path; the client may have chosen it."""
    return quote(model, safe="-_.~")


def bearer(secret: str) -> HeaderLines:
    """`Authorization: Bearer`."""
    return [("authorization", f"Bearer {secret}")] if secret else []


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIAdapter:
    """A provider that speaks OpenAI's formats under one base URL; what differs is in the fields."""

    type: str
    url: str = ""
    surfaces: frozenset[Surface] = frozenset({"chat_completions", "completions", "embeddings"})
    options: Mapping[str, bool] = field(default_factory=dict[str, bool])
    extra_headers: HeaderLines = ()
    signer: SignerFactory | None = None
    chat_codec: ProviderCodec = field(default_factory=ChatCodec)
    paths: Mapping[Surface, str] = field(default_factory=dict[Surface, str])
    """Paths that differ from the surface's own."""

    def default_url(self, options: Mapping[str, str]) -> str:
        """See `Adapter`."""
        return self.url

    def headers(self, secret: str, options: Mapping[str, str]) -> HeaderLines:
        """See `Adapter`."""
        return [*bearer(secret), *self.extra_headers]

    def native_path(self, surface: Surface, model: str, options: Mapping[str, str], *, stream: bool) -> str | None:
        """See `Adapter`."""
        if surface not in self.surfaces:
            return None
        return self.paths.get(surface) or OPENAI_PATHS[surface]

    def codec(self, surface: Surface, model: str) -> Translation | None:
        """See `Adapter`."""
        return None

    def read_error(self, status: int, headers: Mapping[bytes, bytes], document: Document) -> SaidError | None:
        """See `Adapter`."""
        return flat_error(status, document) if not isinstance(document.get("error"), dict) else None

    def key_problem(self, secret: str) -> str:
        """See `Adapter`."""
        return plain_key_problem(secret)


MEDIA_SURFACES: frozenset[Surface] = frozenset(
    {
        "images", "image_edits", "image_variations", "audio_speech", "audio_transcriptions", "audio_translations",
    }
)  # fmt: skip
OPENAI_PATHS: Mapping[Surface, str] = {
    "chat_completions": "/chat/completions",
    "completions": "/completions",
    "embeddings": "/embeddings",
    "responses": "/responses",
    "moderations": "/moderations",
    "rerank": "/rerank",
    "images": "/images/generations",
    "image_edits": "/images/edits",
    "image_variations": "/images/variations",
    "audio_speech": "/audio/speech",
    "audio_transcriptions": "/audio/transcriptions",
    "audio_translations": "/audio/translations",
}
