"""The surface codecs: which client formats can be translated into the hub."""

from collections.abc import Mapping

from kaname.gateway.dialects.completions_surface.codec import CompletionsSurface
from kaname.gateway.dialects.messages_surface.codec import MessagesSurface
from kaname.gateway.dialects.model import SurfaceCodec
from kaname.gateway.dialects.responses_surface.codec import ResponsesSurface
from kaname.gateway.model import Surface

_CODECS: Mapping[Surface, SurfaceCodec] = {
    "completions": CompletionsSurface(),
    "messages": MessagesSurface(),
    "responses": ResponsesSurface(),
}


def surface_codec(surface: Surface) -> SurfaceCodec | None:
    """The codec of a surface; None when its requests can't be translated."""
    return _CODECS.get(surface)
