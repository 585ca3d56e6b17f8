"""Content parts of hub messages → Converse content blocks: text, images, documents, cache points.

Bytes only: Converse takes no addresses, and nothing is fetched here.
"""

import base64
import binascii
import re
from typing import Final

from kaname.gateway.dialects.anthropic.blocks import PDF, DataUrl, split_data_url
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import (
    Losses,
    a_list,
    a_name,
    a_text,
    an_object,
    image_address,
    invalid,
    object_in,
    text_in,
    unsupported,
)

_TEXTS: Final = ("text", "input_text", "output_text")
_IMAGES: Final = {
    "image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp",
}  # fmt: skip
_DOCUMENTS: Final = {
    PDF: "pdf", "text/csv": "csv", "text/html": "html", "text/plain": "txt", "text/markdown": "md",
    "application/msword": "doc", "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}  # fmt: skip
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9 ()\[\]-]+")


def to_blocks(content: object, path: str, losses: Losses, *, caches: bool) -> list[Document]:
    """The blocks of a message's `content`; [] when there is nothing in it. `caches`: whether the model can."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"text": content}]
    blocks: list[Document] = []
    for i, item in enumerate(a_list(content, path)):
        where = f"{path}[{i}]"
        part = an_object(item, where)
        block = _to_block(part, where, losses)
        if block is not None:
            blocks.append(block)
            if caches:
                add_cache_point(blocks, part)
    return blocks


def add_cache_point(blocks: list[Document], source: Document) -> None:
    """Puts a cache point behind the last block when its source is marked."""
    if blocks and source.get("cache_control") is not None:
        ttl = text_in(object_in(source, "cache_control"), "ttl")
        blocks.append({"cachePoint": {"type": "default", **({"ttl": ttl} if ttl == "1h" else {})}})


def _to_block(part: Document, path: str, losses: Losses) -> Document | None:
    kind = part.get("type")
    if kind in _TEXTS or kind == "refusal":
        name = "refusal" if kind == "refusal" else "text"
        text = a_text(part.get(name), f"{path}.{name}")
        return {"text": text} if text else None
    if kind == "image_url":
        return _image(part, path, losses)
    if kind == "file":
        return _document(an_object(part.get("file"), f"{path}.file"), f"{path}.file")
    if kind == "input_audio":
        raise unsupported(f"{path}.type", "Converse takes no audio from chat")
    raise invalid(f"{path}.type", kind, "a known kind of content")


def _image(part: Document, path: str, losses: Losses) -> Document:
    url, where = image_address(part, path, losses, "models on Bedrock choose the resolution themselves")
    data = split_data_url(url)
    if data is None:
        if url[:8].lower().startswith(("https://", "http://")):
            raise unsupported(where, "Bedrock fetches no addresses", "Send a data URL.")
        raise invalid(where, url[:40], "a base64 data URL")
    if data.media_type not in _IMAGES:
        raise unsupported(where, f"images must be JPEG, PNG, GIF or WebP, not {data.media_type[:40]!r}")
    return {"image": {"format": _IMAGES[data.media_type], "source": {"bytes": _checked(data.data, where)}}}


def _document(file: Document, path: str) -> Document:
    if file.get("file_id") is not None:
        raise unsupported(f"{path}.file_id", "a file lives at the provider it was uploaded to", "Send `file_data`.")
    where = f"{path}.file_data"
    text = a_name(file.get("file_data"), where)
    data = split_data_url(text) or DataUrl(PDF, text)
    if data.media_type not in _DOCUMENTS:
        raise unsupported(where, f"it takes no documents of type {data.media_type[:40]!r}")
    # The name is shown to the model and may not hold dots; an extension stands in `format`.
    name = a_text(file.get("filename") or "document", f"{path}.filename").rsplit(".", 1)[0]
    clean = " ".join(_NOT_IN_NAMES.sub(" ", name).split())[:200] or "document"
    return {
        "document": {
            "format": _DOCUMENTS[data.media_type],
            "name": clean,
            "source": {"bytes": _checked(data.data, where)},
        }
    }


def _checked(data: str, path: str) -> str:
    try:
        base64.b64decode(data, validate=True)
    except binascii.Error as e:
        raise invalid(path, data[:40], "base64") from e
    return data
