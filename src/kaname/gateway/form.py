"""Reads a `multipart/form-data` body as far as routing needs it, and exchanges text fields without touching files.

A form is read strictly (no preamble, no padding, no second `model`), so that the gateway and the upstream can't read
two different requests from the same bytes. Files are never copied except into the body that goes out.
Source: RFC 7578, RFC 2046 section 5.1.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from kaname.kernel.errors import InvalidInputError

MAX_PARTS: Final = 128
MAX_PART_HEAD_BYTES: Final = 8 * 1024
MAX_TEXT_BYTES: Final = 1 << 20
_TYPE = re.compile(
    rb"\s*multipart/form-data\s*;(?:[^\"]*;)?\s*boundary=(?:\"([^\"\r\n]{1,70})\"|([^\s;\"]{1,70}))\s*(?:;.*)?",
    re.IGNORECASE,
)
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_DISPOSITION = re.compile(rb"(?:^|\r\n)content-disposition:[ \t]*form-data[ \t]*;([^\r\n]*)", re.IGNORECASE)
_NAME = re.compile(rb"(?:^|[;\s])name=(?:\"([^\"]*)\"|([^\s;\"]+))", re.IGNORECASE)
_FILENAME = re.compile(rb"(?:^|[;\s])filename\*?=(?:\"([^\"]*)\"|([^\s;]+))", re.IGNORECASE)


class Part(NamedTuple):
    """One part. `start` and `end` bound its content; `filename` is None for a text field."""

    name: str
    filename: str | None
    start: int
    end: int


class Form(NamedTuple):
    """A form and where its parts lie in `body`."""

    body: bytes
    boundary: bytes
    parts: tuple[Part, ...]

    @property
    def content_type(self) -> bytes:
        """As it goes upstream."""
        return b'multipart/form-data; boundary="%b"' % self.boundary

    def fields(self) -> dict[str, object]:
        """Text fields by name; a name that occurs several times has a list. Raises InvalidInputError."""
        found: dict[str, object] = {}
        for part in self.parts:
            if part.filename is not None:
                continue
            value, before = self._text(part), found.get(part.name)
            if before is None:
                found[part.name] = value
            else:
                found[part.name] = [*before, value] if isinstance(before, list) else [before, value]
        return found

    def files(self) -> dict[str, object]:
        """Name and size of each file, for the record."""
        return {
            part.name: {"filename": part.filename, "bytes": part.end - part.start}
            for part in self.parts
            if part.filename is not None
        }

    def _text(self, part: Part) -> str:
        if part.end - part.start > MAX_TEXT_BYTES:
            raise _bad(f"field {part.name[:80]!r} is larger than {MAX_TEXT_BYTES} bytes", part.name[:80])
        try:
            return self.body[part.start : part.end].decode()
        except UnicodeDecodeError as e:
            raise _bad(f"field {part.name[:80]!r} isn't valid UTF-8", part.name[:80]) from e


def is_form(content_type: bytes) -> bool:
    """Whether a content type means a form."""
    return content_type.lstrip()[:10].lower() == b"multipart/"


def parse_form(body: bytes, content_type: bytes) -> Form:
    """Finds the parts of a form; raises InvalidInputError."""
    match = _TYPE.fullmatch(content_type)
    boundary = (match.group(1) or match.group(2)) if match is not None else b""
    if not _BOUNDARY.fullmatch(boundary):
        raise _bad("the content type isn't multipart/form-data with a boundary", "content-type")
    opening = b"--" + boundary
    if not body.startswith(opening):
        raise _bad("the form doesn't begin with its boundary", "body")
    delimiter = b"\r\n" + opening
    parts: list[Part] = []
    at = len(opening)
    while body[at : at + 2] != b"--":
        head_end = body.find(b"\r\n\r\n", at, at + MAX_PART_HEAD_BYTES)
        if body[at : at + 2] != b"\r\n" or head_end < 0:
            raise _bad("a part of the form has no readable head", "body")
        end = body.find(delimiter, head_end + 2)
        if end < 0:
            raise _bad("the form is cut off", "body")
        parts.append(_part(body[at + 2 : head_end], min(head_end + 4, end), end))
        if len(parts) > MAX_PARTS:
            raise _bad(f"the form has more than {MAX_PARTS} parts", "body")
        at = end + len(delimiter)
    if body[at + 2 :].strip():
        raise _bad("the form has a tail", "body")
    return Form(body, boundary, tuple(parts))


def rewrite_form(form: Form, changes: Mapping[str, object]) -> bytes:
    """The body with other values of some text fields; those that it lacks are added. Files stay as they are."""
    pieces: list[bytes] = []
    at, left = 0, dict(changes)
    for part in form.parts:
        if part.filename is None and part.name in left:
            value = left[part.name]
            if isinstance(value, list):
                raise _bad(f"field {part.name!r} occurs several times and can't be exchanged", part.name)
            pieces += [form.body[at : part.start], _as_text(value)]
            at = part.end
            del left[part.name]
    if not left:
        pieces.append(form.body[at:])
        return b"".join(pieces)
    end = form.parts[-1].end if form.parts else 0
    pieces.append(form.body[at:end])
    lead = b"\r\n" if form.parts else b""
    for name, value in left.items():
        head = b'%b--%b\r\ncontent-disposition: form-data; name="%b"\r\n\r\n'
        pieces += [head % (lead, form.boundary, name.encode()), _as_text(value)]
        lead = b"\r\n"
    pieces.append(b"\r\n--%b--\r\n" % form.boundary)
    return b"".join(pieces)


def _part(head: bytes, start: int, end: int) -> Part:
    dispositions = _DISPOSITION.findall(head)
    names = _NAME.findall(dispositions[0]) if len(dispositions) == 1 else []
    if len(names) != 1:
        raise _bad("a part of the form has no name, or several", "body")
    files = _FILENAME.findall(dispositions[0])
    filename = (files[0][0] or files[0][1]).decode("utf-8", "replace")[:200] if files else None
    return Part((names[0][0] or names[0][1]).decode("utf-8", "replace"), filename, start, end)


def _as_text(value: object) -> bytes:
    return ("true" if value else "false").encode() if isinstance(value, bool) else str(value).encode()


def _bad(message: str, param: str) -> InvalidInputError:
    return InvalidInputError(message, hint="Send multipart/form-data as the official SDKs do.", param=param)
