"""Content parts of hub messages → Gemini parts: text, images, audio, documents.

Nothing is fetched: an address is passed on for Gemini to fetch. Empty text is left out, because Gemini refuses it.
"""

import mimetypes
from typing import Final
from urllib.parse import urlsplit

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
    unsupported,
)

_TEXTS: Final = ("text", "input_text", "output_text")
_AUDIO: Final = {"wav": "audio/wav", "mp3": "audio/mp3", "flac": "audio/flac", "ogg": "audio/ogg", "aac": "audio/aac"}


def to_parts(content: object, path: str, losses: Losses) -> list[Document]:
    """The parts of a message's `content`; [] when there is nothing in it."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"text": content}]
    parts: list[Document] = []
    for i, item in enumerate(a_list(content, path)):
        where = f"{path}[{i}]"
        part = _to_part(an_object(item, where), where, losses)
        if part is not None:
            parts.append(part)
    return parts


def _to_part(part: Document, path: str, losses: Losses) -> Document | None:
    kind = part.get("type")
    if kind in _TEXTS or kind == "refusal":
        name = "refusal" if kind == "refusal" else "text"
        text = a_text(part.get(name), f"{path}.{name}")
        return {"text": text} if text else None
    if kind == "image_url":
        return _image(part, path, losses)
    if kind == "input_audio":
        audio = an_object(part.get("input_audio"), f"{path}.input_audio")
        format_ = a_name(audio.get("format"), f"{path}.input_audio.format")
        if format_ not in _AUDIO:
            raise unsupported(f"{path}.input_audio.format", f"audio must be {', '.join(_AUDIO)}")
        return _inline(DataUrl(_AUDIO[format_], a_name(audio.get("data"), f"{path}.input_audio.data")))
    if kind == "file":
        file = an_object(part.get("file"), f"{path}.file")
        if file.get("file_id") is not None:
            raise unsupported(f"{path}.file.file_id", "a file lives at the provider it was uploaded to")
        data = a_name(file.get("file_data"), f"{path}.file.file_data")
        return _inline(split_data_url(data) or DataUrl(PDF, data))
    raise invalid(f"{path}.type", kind, "a known kind of content")


def _image(part: Document, path: str, losses: Losses) -> Document:
    url, where = image_address(part, path, losses, "Gemini chooses the resolution itself")
    data = split_data_url(url)
    if data is not None:
        return _inline(data._replace(media_type="image/jpeg") if data.media_type == "image/jpg" else data)
    if url[:8].lower().startswith(("https://", "http://", "gs://")):
        kind = mimetypes.guess_type(urlsplit(url).path)[0]
        if kind is None:
            raise unsupported(where, "Gemini wants to know the kind of an image by its address", "Send a data URL.")
        return {"fileData": {"mimeType": kind, "fileUri": url}}
    raise invalid(where, url[:40], "an http(s) URL or a base64 data URL")


def _inline(data: DataUrl) -> Document:
    return {"inlineData": {"mimeType": data.media_type, "data": data.data}}
