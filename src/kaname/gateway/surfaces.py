"""What clients can call: each surface's path, the field it can't do without, and the shape of its errors.

A surface is a wire format as the client speaks it. Which upstream format it meets is decided per target (`wire.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kaname.gateway.model import Surface

ErrorStyle = Literal["openai", "anthropic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceSpec:
    """One surface. `path` is also the path under an OpenAI-compatible base URL, after its `/v1`."""

    name: Surface
    path: str
    required: str
    """The field besides `model` that a request must have; "" for none."""
    streams: bool = False
    errors: ErrorStyle = "openai"
    hub: bool = False
    """Whether its requests can be translated through the chat hub."""
    cacheable: bool = False
    form: bool = False
    """Whether its requests are multipart forms with files."""
    opaque: bool = False
    """Whether its answers may be anything: sound, pictures, text, events of their own."""

    @property
    def client_path(self) -> str:
        """Where clients call it."""
        return "/v1" + self.path


_ALL = (
    SurfaceSpec(
        name="chat_completions", path="/chat/completions", required="messages", streams=True, hub=True, cacheable=True
    ),
    SurfaceSpec(
        name="completions", path="/completions", required="prompt", streams=True, hub=True, cacheable=True
    ),
    SurfaceSpec(name="embeddings", path="/embeddings", required="input", cacheable=True),
    SurfaceSpec(name="responses", path="/responses", required="input", streams=True, hub=True, cacheable=True),
    SurfaceSpec(
        name="messages", path="/messages", required="messages", streams=True, errors="anthropic", hub=True,
        cacheable=True,
    ),
    SurfaceSpec(name="count_tokens", path="/messages/count_tokens", required="messages", errors="anthropic"),
    SurfaceSpec(name="moderations", path="/moderations", required="input"),
    SurfaceSpec(name="rerank", path="/rerank", required="query", cacheable=True),
    SurfaceSpec(name="images", path="/images/generations", required="prompt", streams=True, opaque=True),
    SurfaceSpec(name="image_edits", path="/images/edits", required="prompt", streams=True, form=True, opaque=True),
    SurfaceSpec(name="image_variations", path="/images/variations", required="", form=True, opaque=True),
    SurfaceSpec(name="audio_speech", path="/audio/speech", required="input", opaque=True),
    SurfaceSpec(
        name="audio_transcriptions", path="/audio/transcriptions", required="", streams=True, form=True, opaque=True
    ),
    SurfaceSpec(name="audio_translations", path="/audio/translations", required="", form=True, opaque=True),
)  # fmt: skip

SURFACES: Mapping[Surface, SurfaceSpec] = {spec.name: spec for spec in _ALL}
BY_PATH: Mapping[str, SurfaceSpec] = {spec.client_path: spec for spec in _ALL}
FORMS = frozenset(spec.name for spec in _ALL if spec.form)
OPAQUE = frozenset(spec.name for spec in _ALL if spec.opaque)


def error_style(path: str) -> ErrorStyle:
    """In whose words a client gets errors that calls a path which doesn't exist."""
    return "anthropic" if path.startswith("/v1/messages") else "openai"
