"""Content encodings in both directions, and form bodies. All bounded: a small body can't unpack to a huge one."""

import re
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast
from urllib.parse import parse_qsl

from kaname.storage.columns.engine.faults import StatementError

READ_ENCODINGS = ("gzip", "deflate", "lz4", "zstd")
WRITE_ENCODINGS = ("lz4", "zstd", "gzip", "deflate")
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^;\s]{1,200}))', re.IGNORECASE)
_FIELD_NAME = re.compile(rb'[;\s]name="([^"]*)"', re.IGNORECASE)


class Decompressor(Protocol):
    """The interface that zlib, lz4 and zstd share."""

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...
    @property
    def eof(self) -> bool: ...


class Packer(Protocol):
    """Compresses a stream piece by piece."""

    def pack(self, data: bytes) -> bytes: ...
    def finish(self) -> bytes: ...


def unpack(data: bytes, encoding: str, limit: int) -> bytes:
    """Decompresses a request body of at most `limit` bytes when unpacked; raises StatementError."""
    if encoding in ("", "identity"):
        return data
    maker = _DECOMPRESSORS.get(encoding)
    if maker is None:
        raise StatementError(1002, f"Unknown Content-Encoding {encoding!r}", "UNKNOWN_COMPRESSION_METHOD", status=415)
    machine = maker()
    try:
        # Whether the output was cut shows in its length: one byte more than allowed is asked for.
        out = machine.decompress(data, limit + 1)
    except _faults_of(encoding) as e:
        raise StatementError(
            354, f"Cannot decompress the body as {encoding}: {e}", "CANNOT_DECOMPRESS", status=400
        ) from e
    if len(out) > limit:
        raise StatementError(161, f"The body unpacks to more than {limit} bytes", "TOO_LARGE_BODY", status=413)
    if not machine.eof:
        raise StatementError(354, f"The {encoding} body ends early", "CANNOT_DECOMPRESS", status=400)
    return out


def choose_encoding(accepted: str) -> str:
    """The first of the client's encodings that we write, or ""."""
    names = [part.partition(";")[0].strip().lower() for part in accepted.split(",")]
    return next((n for n in names if n in WRITE_ENCODINGS), "")


def make_packer(encoding: str) -> Packer:
    """A packer for one of WRITE_ENCODINGS."""
    return _PACKERS[encoding]()


def read_form(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a form body. Raises StatementError for files, which would be external tables."""
    if content_type.lower().startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode("utf-8", "surrogateescape"), keep_blank_values=True))
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise StatementError(36, f"The form has no boundary: {content_type!r}", "BAD_ARGUMENTS")
    mark = b"\r\n--" + (match.group(1) or match.group(2)).encode("latin-1")
    parts = (b"\r\n" + body).split(mark)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise StatementError(36, "The form body ends early", "BAD_ARGUMENTS")
    fields: dict[str, str] = {}
    for part in parts[1:-1]:
        head, found, value = part.partition(b"\r\n\r\n")
        name = _FIELD_NAME.search(head)
        if not found or name is None:
            raise StatementError(36, "A part of the form has no name", "BAD_ARGUMENTS")
        if b"filename=" in head.lower():
            raise StatementError(48, "External tables are not supported by the embedded engine", "NOT_IMPLEMENTED")
        fields[name.group(1).decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
    return fields


def _faults_of(encoding: str) -> tuple[type[Exception], ...]:
    """What the encoding's library raises for rubbish."""
    return (_zstd().ZstdError,) if encoding == "zstd" else (zlib.error, RuntimeError)


class _ZlibPacker:
    def __init__(self, window: int) -> None:
        self._machine = zlib.compressobj(1, zlib.DEFLATED, window)

    def pack(self, data: bytes) -> bytes:
        return self._machine.compress(data)

    def finish(self) -> bytes:
        return self._machine.flush()


class _ZlibDecompressor:
    def __init__(self, window: int) -> None:
        self._machine = zlib.decompressobj(window)

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes:
        return self._machine.decompress(data, max_length)

    @property
    def eof(self) -> bool:
        return self._machine.eof


class _Lz4Packer:
    def __init__(self) -> None:
        self._machine = import_module("lz4.frame").LZ4FrameCompressor()
        self._begun = False

    def pack(self, data: bytes) -> bytes:
        head = b"" if self._begun else self._machine.begin()
        self._begun = True
        return head + self._machine.compress(data)

    def finish(self) -> bytes:
        head = b"" if self._begun else self._machine.begin()
        return head + self._machine.flush()


class _ZstdPacker:
    def __init__(self) -> None:
        self._machine = _zstd().ZstdCompressor(level=1)

    def pack(self, data: bytes) -> bytes:
        return self._machine.compress(data)

    def finish(self) -> bytes:
        return self._machine.flush()


def _zstd() -> "_ZstdModule":
    """The standard library's zstd (Python 3.14), or its backport, which clickhouse-connect brings."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return cast("_ZstdModule", import_module(name))
        except ModuleNotFoundError:
            continue
    raise StatementError(48, "zstd is not installed", "NOT_IMPLEMENTED")


class _ZstdMachine(Protocol):
    def compress(self, data: bytes) -> bytes: ...
    def flush(self) -> bytes: ...


class _ZstdModule(Protocol):
    @property
    def ZstdError(self) -> type[Exception]: ...  # noqa: N802
    def ZstdCompressor(self, level: int) -> _ZstdMachine: ...  # noqa: N802 - their name
    def ZstdDecompressor(self) -> Decompressor: ...  # noqa: N802


_DECOMPRESSORS: dict[str, Callable[[], Decompressor]] = {
    "gzip": lambda: _ZlibDecompressor(31),
    "deflate": lambda: _ZlibDecompressor(15),
    "lz4": lambda: cast("Decompressor", import_module("lz4.frame").LZ4FrameDecompressor()),
    "zstd": lambda: _zstd().ZstdDecompressor(),
}
_PACKERS: dict[str, Callable[[], Packer]] = {
    "gzip": lambda: _ZlibPacker(31),
    "deflate": lambda: _ZlibPacker(15),
    "lz4": _Lz4Packer,
    "zstd": _ZstdPacker,
}
