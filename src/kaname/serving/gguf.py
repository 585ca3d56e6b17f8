"""Reads the header of a GGUF file (github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3).

Only scalar metadata is kept; arrays (the vocabulary) are walked over. Every length is checked against the file size, so
that a damaged or hostile file is refused before native code sees it. Tensors are counted, not read.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

from kaname.serving.model import ModelCapabilities
from kaname.serving.problems import not_a_model

GgufValue = str | int | float | bool
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MAX_ENTRIES, _MAX_TENSORS, _MAX_DIMENSIONS = 10_000, 100_000, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufHeader:
    """The scalar metadata by key, and the number of parameters in all tensors."""

    metadata: dict[str, GgufValue]
    parameters: int

    def text(self, key: str) -> str:
        """The text of a key, or ""."""
        value = self.metadata.get(key, "")
        return value if isinstance(value, str) else ""

    def whole(self, key: str) -> int:
        """The whole number of a key, or 0."""
        value = self.metadata.get(key, 0)
        return value if isinstance(value, int) else 0

    @property
    def architecture(self) -> str:
        """E.g. `llama`."""
        return self.text("general.architecture")

    @property
    def context_length(self) -> int:
        """Tokens the model was trained on."""
        return self.whole(f"{self.architecture}.context_length")

    @property
    def chat_template(self) -> str:
        """The Jinja source, or ""."""
        return self.text("tokenizer.chat_template")


def read_gguf_header(path: Path) -> GgufHeader:
    """Parses the header; raises InvalidInputError (`model_invalid`) if the file isn't GGUF or is damaged."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data).read()
    except (ValueError, struct.error, OSError) as e:
        raise not_a_model(path, str(e) or "it is cut short") from e


def derive_capabilities(header: GgufHeader) -> ModelCapabilities:
    """What the header promises: no chat without a template, no tools if the template never mentions them."""
    return ModelCapabilities(
        chat=bool(header.chat_template), tools="tools" in header.chat_template, embeddings=True, images=False
    )


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def read(self) -> GgufHeader:
        if self._data[:4] != b"GGUF":
            raise ValueError(f"it starts with {self._data[:4]!r} instead of b'GGUF'")
        self._at = 4
        version = self._scalar("I")
        if version not in (2, 3):
            raise ValueError(f"GGUF version {version!r} isn't supported")
        tensors, entries = self._length(_MAX_TENSORS), self._length(_MAX_ENTRIES)
        metadata: dict[str, GgufValue] = {}
        for _ in range(entries):
            key = self._text()
            value = self._value(self._length32())
            if value is not None:
                metadata[key] = value
        return GgufHeader(metadata=metadata, parameters=sum(self._tensor() for _ in range(tensors)))

    def _tensor(self) -> int:
        """Number of elements of the next tensor."""
        self._text()
        dimensions = self._length32()
        if dimensions > _MAX_DIMENSIONS:
            raise ValueError(f"a tensor has {dimensions} dimensions")
        count = 1
        for _ in range(dimensions):
            count *= int(self._scalar("Q"))
        self._advance(4 + 8)
        return count

    def _value(self, kind: int) -> GgufValue | None:
        if kind in _SCALARS:
            return self._scalar(_SCALARS[kind])
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            self._skip_array()
            return None
        raise ValueError(f"unknown metadata type {kind!r}")

    def _skip_array(self) -> None:
        kind, count = self._length32(), self._length(len(self._data))
        if kind in _SCALARS:
            self._advance(struct.calcsize("<" + _SCALARS[kind]) * count)
        elif kind == _STRING:
            for _ in range(count):
                self._advance(self._length(len(self._data)))
        else:
            raise ValueError(f"unknown array type {kind!r}")

    def _text(self) -> str:
        length = self._length(len(self._data))
        start = self._at
        self._advance(length)
        return self._data[start : self._at].decode("utf-8", "replace")

    def _length(self, bound: int) -> int:
        value = int(self._scalar("Q"))
        if value > bound:
            raise ValueError(f"it declares {value} entries where at most {bound} fit")
        return value

    def _length32(self) -> int:
        return int(self._scalar("I"))

    def _scalar(self, code: str) -> int | float | bool:
        start = self._at
        self._advance(struct.calcsize("<" + code))
        return struct.unpack_from("<" + code, self._data, start)[0]

    def _advance(self, n_bytes: int) -> None:
        self._at += n_bytes
        if self._at > len(self._data):
            raise ValueError("it is cut short")
