"""Reads documents of unknown shape: strictly what a client sent (every complaint names the path), leniently what an
upstream sent (a missing or odd value is empty).

Invariants: no reader changes a document; a message shows at most 80 characters of what the client sent.
"""

import re
from typing import NamedTuple, cast

import orjson

from kaname.gateway.dialects.model import Document
from kaname.kernel.errors import InvalidInputError, UpstreamError

UNSUPPORTED = "unsupported_parameter"
MAX_WARNINGS = 16
MAX_PARAM_CHARS = 120
_INDEX = re.compile(r"\[\d+\]")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


class Losses:
    """What a translation loses. `strict`: the first loss is refused instead."""

    __slots__ = ("_seen", "_strict", "warnings")

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._seen: set[str] = set()
        self.warnings: list[str] = []
        """Printable ASCII, one for each kind of loss; paths of list items are given once."""

    def lose(self, param: str, why: str) -> None:
        """Notes that `param` doesn't arrive as it was sent."""
        if self._strict:
            raise unsupported(param, why)
        kind = _INDEX.sub("[]", param)
        if kind not in self._seen and len(self._seen) < MAX_WARNINGS:
            self._seen.add(kind)
            self.warnings.append(_UNPRINTABLE.sub("?", f"{kind[:MAX_PARAM_CHARS]}: {why}"))


def unsupported(param: str, why: str, hint: str = "Leave it out, or use a model that takes it.") -> InvalidInputError:
    """The target can't be told this."""
    return InvalidInputError(
        f"`{param[:MAX_PARAM_CHARS]}` can't be sent to this model: {why}", hint=hint, code=UNSUPPORTED,
        param=param[:MAX_PARAM_CHARS],
    )  # fmt: skip


def invalid(param: str, value: object, expected: str) -> InvalidInputError:
    """The client's value isn't what the format asks for."""
    if value is None:
        return InvalidInputError(f"`{param}` is missing, not {expected}", hint="See the API reference.", param=param)
    if isinstance(value, str):
        shown = repr(value if len(value) <= 80 else value[:79] + "…")
    else:
        shown = repr(value) if isinstance(value, (bool, int, float)) else f"a {type(value).__name__}"
    return InvalidInputError(f"`{param}` is {shown}, not {expected}", hint="See the API reference.", param=param)


class ImageAddress(NamedTuple):
    """Where a chat image is: its URL, and the URL's path in the request."""

    url: str
    param: str


def image_address(part: Document, path: str, losses: Losses, why: str) -> ImageAddress:
    """The address in a part of type `image_url`; `why` says why the target loses its `detail`."""
    value, where = part.get("image_url"), f"{path}.image_url"
    image = {"url": value} if isinstance(value, str) else an_object(value, where)
    if image.get("detail") not in (None, "auto"):
        losses.lose(f"{where}.detail", why)
    return ImageAddress(a_name(image.get("url"), f"{where}.url"), f"{where}.url")


def an_object(value: object, param: str) -> Document:
    """The client's object."""
    if not isinstance(value, dict):
        raise invalid(param, value, "an object")
    return cast("Document", value)


def a_list(value: object, param: str) -> list[object]:
    """The client's list."""
    if not isinstance(value, list):
        raise invalid(param, value, "a list")
    return cast("list[object]", value)


def a_text(value: object, param: str) -> str:
    """The client's text."""
    if not isinstance(value, str):
        raise invalid(param, value, "text")
    return value


def a_name(value: object, param: str) -> str:
    """The client's text, which mustn't be empty."""
    if not isinstance(value, str) or not value:
        raise invalid(param, value, "a name")
    return value


def a_count(value: object, param: str, least: int = 0) -> int:
    """The client's whole number, at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise invalid(param, value, f"a whole number of at least {least}")
    return value


def a_number(value: object, param: str) -> float:
    """The client's number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise invalid(param, value, "a number")
    return value


def a_flag(value: object, param: str) -> bool:
    """The client's true or false; null counts as false."""
    if value is not None and not isinstance(value, bool):
        raise invalid(param, value, "true or false")
    return bool(value)


def client_json(value: object, param: str) -> str:
    """A client's value as JSON text; orjson reads deeper nesting than it writes."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as e:
        raise InvalidInputError(f"`{param}` is nested too deeply", hint="Flatten it.", param=param) from e


# ---- what an upstream sent


def upstream_json(value: object) -> str:
    """An upstream's value as JSON text."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as e:
        raise unusable("it is nested too deeply") from e


def object_in(document: Document, key: str) -> Document:
    """An object of an upstream's document, {} when there is none."""
    value = document.get(key)
    return cast("Document", value) if isinstance(value, dict) else {}


def objects_in(document: Document, key: str) -> list[Document]:
    """The objects in a list of an upstream's document."""
    value = document.get(key)
    if not isinstance(value, list):
        return []
    return [cast("Document", item) for item in cast("list[object]", value) if isinstance(item, dict)]


def text_in(document: Document, key: str) -> str:
    """A text of an upstream's document, "" when there is none."""
    value = document.get(key)
    return value if isinstance(value, str) else ""


def count_in(document: Document, key: str) -> int:
    """A count of an upstream's document, 0 when there is none."""
    value = document.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def unusable(why: str) -> UpstreamError:
    """The upstream's answer isn't in its format."""
    return UpstreamError(f"the upstream's answer can't be used: {why}", code="upstream_invalid_response")


def cut() -> UpstreamError:
    """The upstream's stream ended without the event that ends it."""
    return UpstreamError("the upstream's stream ended too early", code="upstream_cut")
