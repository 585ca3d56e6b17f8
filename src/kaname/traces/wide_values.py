"""Keeps rows narrow: values over a megabyte and base64 media go to the blob store, the row keeps a reference.

Nothing is truncated away: the whole value stays readable by its digest. `input` and `output` keep their beginning and
name the blob in `input_blob`/`output_blob`; a wide string inside a JSON column becomes
`{"kaname.blob": digest, "bytes": n, "preview": …}`; a base64 data URI becomes `kaname-blob://<digest>?mime=…&bytes=…`.
A blob is written before the row that refers to it.
"""

import base64
import binascii
import re
from typing import cast

import orjson

from kaname.kernel.text import preview
from kaname.traces.coerce import dump_json
from kaname.traces.model import SpanRow
from kaname.traces.ports import BlobWriter

KEPT_CHARS = 64 << 10
"""How much of a wide value's beginning stays in the row."""
BLOB_SCHEME = "kaname-blob://"
JSON_COLUMNS = ("attributes", "events", "documents", "tool_definitions", "links", "resource", "model_parameters")
_MEDIA_COLUMNS = ("input", "output", "attributes", "events", "documents")
_MARK = ";base64,"


class WideValues:
    """Moves wide values of rows into a blob store."""

    def __init__(self, blobs: BlobWriter, *, wide_bytes: int, media_bytes: int) -> None:
        self._blobs = blobs
        self._wide_bytes = wide_bytes
        self._data_uri = re.compile(
            r"data:([a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9!#$&^_.+-]{1,60})(?:;[a-z0-9=._-]{1,60}){0,3};base64,"
            rf"([A-Za-z0-9+/]{{{media_bytes},}}={{0,2}})"
        )

    def shrink(self, row: SpanRow) -> None:
        """Makes a row narrow, in place."""
        for column in _MEDIA_COLUMNS:
            text: str = getattr(row, column)
            if len(text) > KEPT_CHARS // 16 and _MARK in text:
                setattr(row, column, self._data_uri.sub(self._store_media, text))
        if self._is_wide(row.input):
            row.input_blob, row.input = self._store_text(row.input)
        if self._is_wide(row.output):
            row.output_blob, row.output = self._store_text(row.output)
        for column in JSON_COLUMNS:
            text = getattr(row, column)
            if self._is_wide(text):
                setattr(row, column, self._narrow_json(text))
        if self._is_wide(row.status_message):
            row.status_message = row.status_message[:KEPT_CHARS]
        wide = [key for key, value in row.metadata.items() if self._is_wide(value)]
        for key in wide:
            digest, _ = self._store_text(row.metadata[key])
            row.metadata[key] = f"{BLOB_SCHEME}{digest}"

    def _is_wide(self, text: str) -> bool:
        # A character is one byte at least and four at most: most texts are decided without encoding them.
        return len(text) > self._wide_bytes or (
            len(text) * 4 > self._wide_bytes and not text.isascii() and len(text.encode()) > self._wide_bytes
        )

    def _store_text(self, text: str) -> tuple[str, str]:
        return self._blobs.put(text.encode()), text[:KEPT_CHARS]

    def _store_media(self, match: "re.Match[str]") -> str:
        try:
            data = base64.b64decode(match[2], validate=True)
        except (ValueError, binascii.Error):
            return match[0]
        return f"{BLOB_SCHEME}{self._blobs.put(data)}?mime={match[1]}&bytes={len(data)}"

    def _narrow_json(self, text: str) -> str:
        narrowed = dump_json(self._narrow(orjson.loads(text)))
        if not self._is_wide(narrowed):
            return narrowed
        # Many middling values: the column as a whole becomes the reference.
        return dump_json(self._reference(text))

    def _narrow(self, value: object) -> object:
        if isinstance(value, str):
            return self._reference(value) if self._is_wide(value) else value
        if isinstance(value, list):
            return [self._narrow(item) for item in cast("list[object]", value)]
        if isinstance(value, dict):
            items = cast("dict[str, object]", value).items()
            return {key if len(key) <= 4096 else key[:4096]: self._narrow(item) for key, item in items}
        return value

    def _reference(self, text: str) -> dict[str, object]:
        data = text.encode()
        return {"kaname.blob": self._blobs.put(data), "bytes": len(data), "preview": preview(text)}
