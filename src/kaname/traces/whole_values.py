"""Puts values that `wide_values.py` moved to blobs back into exported rows, one line at a time.

Memory stays that of one span. Media stays `kaname-blob://…`: an export isn't made of base64. A value whose blob is gone
(erased, or removed by retention) stays as the row has it, reference included: what is shorter than it was always says
so. Lines without a reference pass as they came.
"""

from collections.abc import Iterator
from typing import cast

import orjson

from kaname.kernel.errors import NotFoundError
from kaname.traces.coerce import dump_json
from kaname.traces.ports import BlobReader
from kaname.traces.wide_values import BLOB_SCHEME, JSON_COLUMNS

_MARKS = (b'_blob":"', b"kaname.blob", BLOB_SCHEME.encode())
_REFERENCE = frozenset({"kaname.blob", "bytes", "preview"})
_TEXT_COLUMNS = ("input", "output")


def with_whole_values(pieces: Iterator[bytes], blobs: BlobReader) -> Iterator[bytes]:
    """The same JSON lines with whole values; `pieces` may be cut anywhere."""
    rest: list[bytes] = []
    for piece in pieces:
        head, newline, tail = piece.rpartition(b"\n")
        if not newline:
            rest.append(piece)
            continue
        lines = b"".join([*rest, head]).split(b"\n")
        rest = [tail] if tail else []
        for line in lines:
            yield _restore(line, blobs) + b"\n"
    if last := b"".join(rest):
        yield _restore(last, blobs)


def _restore(line: bytes, blobs: BlobReader) -> bytes:
    if not _mentions_blob(line):
        return line
    row = cast("dict[str, object]", orjson.loads(line))
    for column in _TEXT_COLUMNS:
        blob = row.get(f"{column}_blob")
        if isinstance(blob, str) and blob and (whole := _read(blobs, blob)) is not None:
            row[column], row[f"{column}_blob"] = whole, ""
    for column in JSON_COLUMNS:
        text = row.get(column)
        if isinstance(text, str) and "kaname.blob" in text:
            row[column] = _whole_json(text, blobs)
    metadata = row.get("metadata")
    if isinstance(metadata, dict):
        row["metadata"] = {k: _whole_text(v, blobs) for k, v in cast("dict[str, object]", metadata).items()}
    return orjson.dumps(row)


def _mentions_blob(line: bytes) -> bool:
    return any(mark in line for mark in _MARKS[1:]) or line.count(_MARKS[0]) > line.count(_MARKS[0] + b'"')


def _whole_json(text: str, blobs: BlobReader) -> str:
    value: object = orjson.loads(text)
    if (digest := _digest_of(value)) is not None:
        return _read(blobs, digest) or text
    return dump_json(_put_back(value, blobs))


def _put_back(value: object, blobs: BlobReader) -> object:
    """Not recursive into what was put back: its content is the sender's, not ours."""
    if (digest := _digest_of(value)) is not None:
        whole = _read(blobs, digest)
        return value if whole is None else whole
    if isinstance(value, list):
        return [_put_back(item, blobs) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {k: _put_back(v, blobs) for k, v in cast("dict[str, object]", value).items()}
    return value


def _digest_of(value: object) -> str | None:
    if isinstance(value, dict) and cast("dict[str, object]", value).keys() == _REFERENCE:
        digest = cast("dict[str, object]", value)["kaname.blob"]
        return digest if isinstance(digest, str) else None
    return None


def _whole_text(value: object, blobs: BlobReader) -> object:
    if isinstance(value, str) and value.startswith(BLOB_SCHEME) and "?" not in value:
        whole = _read(blobs, value.removeprefix(BLOB_SCHEME))
        return value if whole is None else whole
    return value


def _read(blobs: BlobReader, digest: str) -> str | None:
    try:
        return blobs.get(digest).decode("utf-8", "replace")
    except NotFoundError:
        return None
