"""Content parts of hub messages → Anthropic content blocks: text, images, documents, cache markers.

Anthropic refuses empty text blocks, so they are left out. Images and documents are passed on, never fetched.
"""

import base64
import binascii
from typing import NamedTuple

from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import (
    Losses,
    a_list,
    a_name,
    a_text,
    an_object,
    image_address,
    invalid,
    unsupported,
)

IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PDF = "application/pdf"
_TEXTS = ("text", "input_text", "output_text")


class DataUrl(NamedTuple):
    """`data:<media type>;base64,<data>`, undecoded."""

    media_type: str
    data: str


def split_data_url(url: str) -> DataUrl | None:
    """The parts of a base64 data URL (RFC 2397); None for anything else."""
    if url[:5].lower() != "data:":
        return None
    head, comma, data = url.partition(",")
    media_type, *options = head[5:].split(";")
    if not comma or "base64" not in (option.strip().lower() for option in options):
        return None
    return DataUrl(media_type.strip().lower(), data)


def to_blocks(content: object, path: str, losses: Losses) -> list[Document]:
    """The blocks of a message's `content`; [] when there is nothing in it."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    blocks: list[Document] = []
    for i, item in enumerate(a_list(content, path)):
        where = f"{path}[{i}]"
        part = an_object(item, where)
        block = _to_block(part, where, losses)
        if block is not None:
            blocks.append(_marked(block, part, where))
    return blocks


def mark_cache(blocks: list[Document], source: Document, path: str) -> None:
    """Puts the cache marker of a whole message or tool on its last block."""
    if blocks and source.get("cache_control") is not None:
        blocks[-1] = _marked(blocks[-1], source, path)


def _to_block(part: Document, path: str, losses: Losses) -> Document | None:
    kind = part.get("type")
    if kind in _TEXTS:
        text = a_text(part.get("text"), f"{path}.text")
        return {"type": "text", "text": text} if text else None
    if kind == "refusal":
        text = a_text(part.get("refusal"), f"{path}.refusal")
        return {"type": "text", "text": text} if text else None
    if kind == "image_url":
        return _image(part, path, losses)
    if kind == "file":
        return _document(an_object(part.get("file"), f"{path}.file"), f"{path}.file")
    if kind == "input_audio":
        raise unsupported(f"{path}.type", "Anthropic's models don't take audio")
    raise invalid(f"{path}.type", kind, "a known kind of content")


def _image(part: Document, path: str, losses: Losses) -> Document:
    url, where = image_address(part, path, losses, "Anthropic's models choose the resolution themselves")
    data = split_data_url(url)
    if data is not None:
        media_type = "image/jpeg" if data.media_type == "image/jpg" else data.media_type
        if media_type not in IMAGE_TYPES:
            raise unsupported(where, f"images must be JPEG, PNG, GIF or WebP, not {data.media_type[:40]!r}")
        return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data.data}}
    if url[:8].lower().startswith(("https://", "http://")):
        return {"type": "image", "source": {"type": "url", "url": url}}
    raise invalid(where, url[:40], "an http(s) URL or a base64 data URL")


def _document(file: Document, path: str) -> Document:
    if file.get("file_id") is not None:
        raise unsupported(f"{path}.file_id", "a file lives at the provider it was uploaded to", "Send `file_data`.")
    where = f"{path}.file_data"
    text = a_name(file.get("file_data"), where)
    data = split_data_url(text) or DataUrl(PDF, text)
    if data.media_type == PDF:
        source: Document = {"type": "base64", "media_type": PDF, "data": data.data}
    elif data.media_type.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": _plain_text(data.data, where)}
    else:
        raise unsupported(where, f"documents must be PDF or text, not {data.media_type[:40]!r}")
    name = file.get("filename")
    block: Document = {"type": "document", "source": source}
    return {**block, "title": a_text(name, f"{path}.filename")} if name else block


def _plain_text(data: str, path: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as e:
        raise invalid(path, data[:40], "base64 of UTF-8 text") from e


def _marked(block: Document, source: Document, path: str) -> Document:
    marker = source.get("cache_control")
    if marker is None:
        return block
    return {**block, "cache_control": an_object(marker, f"{path}.cache_control")}
