"""How one surface meets one target: passed as it is, or translated through the hub; and the head of its requests.

`Wire` is compiled once per target and surface. Nothing of the client's own headers goes upstream except the few that a
surface defines (`anthropic-version`, `anthropic-beta`); the call's own id does, and its trace where that is wanted.
"""

from collections.abc import Mapping
from typing import NamedTuple

from kaname.gateway.config import BaseUrl, Provider, parse_base_url
from kaname.gateway.dialects.model import ProviderCodec, SurfaceCodec
from kaname.gateway.dialects.registry import surface_codec
from kaname.gateway.model import GatewayRecord, Surface
from kaname.gateway.pool import Origin
from kaname.gateway.ports import LocalEndpoint
from kaname.gateway.providers.model import Adapter, Framing, HeaderLines, bearer
from kaname.gateway.surfaces import SURFACES
from kaname.kernel.errors import InvalidInputError

_DEFAULT_VERSION = b"2023-06-01"


class Wire(NamedTuple):
    """What lies between a surface and a target. `provider_codec` None: bytes are passed."""

    path: str
    """Under the base URL, for this model and way of answering."""
    surface_codec: SurfaceCodec | None = None
    provider_codec: ProviderCodec | None = None
    framing: Framing = "sse"
    upstream_surface: Surface = "chat_completions"
    """The format in which the target answers, when `provider_codec` is None."""

    @property
    def passes(self) -> bool:
        """Whether client and target speak the same format."""
        return self.provider_codec is None


PASS_WIRE = Wire("")
"""Of native calls, whose path is the client's."""


def compile_wire(adapter: Adapter, provider: Provider, surface: Surface, model: str, *, stream: bool) -> Wire:
    """The way from a surface to a target; raises InvalidInputError (`unsupported_parameter`) when there is none."""
    path = adapter.native_path(surface, model, provider.options, stream=stream)
    if path is not None:
        return Wire(path, upstream_surface=surface)
    translation = adapter.codec(surface, model)
    if translation is not None:
        path = translation.path(model, provider.options, stream)
        return Wire(path, None, translation.codec, translation.framing, surface)
    if SURFACES[surface].hub and (codec := surface_codec(surface)) is not None:
        path = adapter.native_path("chat_completions", model, provider.options, stream=stream)
        if path is not None:
            return Wire(path, codec, adapter.chat_codec)
        translation = adapter.codec("chat_completions", model)
        if translation is not None:
            path = translation.path(model, provider.options, stream)
            return Wire(path, codec, translation.codec, translation.framing)
    raise InvalidInputError(
        f"provider {provider.name!r} doesn't serve {SURFACES[surface].client_path}",
        hint="Use a model of a provider that does.", code="unsupported_parameter", param="model",
    )  # fmt: skip


def request_head(url: BaseUrl, path: str, lines: HeaderLines) -> bytes:
    """The request head up to, and without, `content-length`."""
    head = [
        f"POST {url.path}{path} HTTP/1.1",
        f"host: {url.host_header}",
        "user-agent: kaname-gateway",
        "accept: */*",
        "accept-encoding: identity",
        "content-type: application/json",
        *(f"{name}: {value}" for name, value in lines),
        "",
    ]
    return "\r\n".join(head).encode("ascii")


def local_head(endpoint: LocalEndpoint, path: str) -> tuple[Origin, bytes]:
    """Where a model of this installation answers; loopback is what it is meant to be."""
    url = parse_base_url(endpoint.base_url, allow_private=True, ca_file="", max_connections=512)
    return url.origin, request_head(url, path, bearer(endpoint.api_key))


def form_head(head: bytes, content_type: bytes) -> bytes:
    """A head for a body that isn't JSON."""
    return head.replace(b"\r\ncontent-type: application/json\r\n", b"\r\ncontent-type: %b\r\n" % content_type, 1)


def signed_head(head: bytes, lines: HeaderLines) -> bytes:
    """A head with the lines that authorise this one request."""
    return head + "".join(f"{name}: {value}\r\n" for name, value in lines).encode("ascii")


def id_lines(record: GatewayRecord, *, traced: bool) -> bytes:
    """This call's id for the upstream's log, and with `traced` its place in the trace, each with its line end."""
    if not traced:
        return f"x-request-id: {record.request_id}\r\n".encode("ascii")
    parent = f"00-{record.trace_id}-{record.span_id}-{record.trace_flags:02x}"
    lines = f"x-request-id: {record.request_id}\r\ntraceparent: {parent}\r\n"
    if record.trace_state:
        lines += f"tracestate: {record.trace_state}\r\n"
    return lines.encode("latin-1")


def version_headers(headers: Mapping[bytes, bytes]) -> bytes:
    """`anthropic-version` and `anthropic-beta` as the client sent them, each with its line end."""
    lines = b"anthropic-version: %b\r\n" % headers.get(b"anthropic-version", _DEFAULT_VERSION)
    if (beta := headers.get(b"anthropic-beta")) is not None:
        lines += b"anthropic-beta: %b\r\n" % beta
    return lines
