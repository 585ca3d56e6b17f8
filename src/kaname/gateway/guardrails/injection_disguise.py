"""Texts behind a text: what is left when an encoding or a disguise is taken off.

base64, hexadecimal, percent and backslash escapes, HTML entities, ROT13, reversed text, look-alike letters, digits for
letters, letters with blanks between them, half-width kana, and characters that aren't shown. One layer, not several.
Invariant: `plain_texts` costs next to nothing on a text that has none of these, and is bounded on one that has.
"""

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple
from urllib.parse import unquote

MAX_DECODED = 8
"""At most so many encoded stretches are read."""
MAX_ENCODED_CHARS = 8192

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{2}){12,}(?![0-9A-Za-z])")
_LONG = 16
"""No encoded stretch is shorter."""
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_ESCAPES = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")
_ENTITIES = re.compile(r"(?:&#x?[0-9a-fA-F]{2,6};){4,}")
_HALF_KANA = re.compile("[\uff66-\uff9f]")
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")
_LOOK_ALIKES = str.maketrans(
    "аеорсхуікѕјԁɡһьΑΒΕΖΗΙΚΜΝΟΡΤΥΧαονАВЕКМНОРСТХ", "aeopcxyiksjdghbABEZHIKMNOPTYXaovABEKMHOPCTX"
)
_MIXED_WORD = re.compile("[A-Za-z][\u0370-\u03ff\u0400-\u052f]|[\u0370-\u03ff\u0400-\u052f][A-Za-z]")
_SPACED = re.compile(r"(?<!\S)(?:[^\s._-][ ._-]{1,3}){7,}[^\s._-](?!\S)")
_SPACED_HINT = re.compile(r"[ ._-][^\s._-][ ._-]{1,3}[^\s._-][ ._-]{1,3}[^\s._-][ ._-]")
_SPACED_LETTER = re.compile(r"([^\s._-])[ ._-](?=[^\s._-](?:[ ._-]|$))")
_SPACED_LETTERS = 5
"""So many different letters stand alone in a text that is spelt out."""
_LEET_WORD = re.compile(r"(?<!\w)(?=[a-zA-Z]*[0134578@$])(?=[0134578@$]*[a-zA-Z])[a-zA-Z0134578@$]{3,20}(?!\w)")
_LEET_WORDS = 3
_LEET = str.maketrans("0134578@$", "oieastbas")
_ROT13 = frozenset((
    "vafgehpgvbaf", "vafgehpgvba", "vtaber", "cebzcg", "flfgrz", "lbhe", "cerivbhf", "ehyrf", "erirny",
    "qvfertneq", "sbetrg", "gur",
))  # fmt: skip
_REVERSED = frozenset((
    "snoitcurtsni", "erongi", "tpmorp", "metsys", "ruoy", "suoiverp", "selur", "laever", "dragersid", "tegrof",
    "eht", "lla",
))  # fmt: skip


class Plain(NamedTuple):
    """What stands behind `start` to `end` of the text. `hidden`: someone took pains, which speaks against them."""

    text: str
    start: int
    end: int
    hidden: bool = True


def plain_texts(text: str, lower: str, words: frozenset[str]) -> Iterator[Plain]:
    """Every reading of the text but the plain one. `lower`: the same in lower case, folded; `words`: its words."""
    yield from _decoded(text)
    if not text.isascii():
        yield from _look_alikes(text)
    if len(_ROT13 & words) >= 2:
        yield Plain(codecs.encode(lower, "rot13"), 0, len(text))
    if len(_REVERSED & words) >= 2:
        yield Plain(lower[::-1], 0, len(text))
    if sum(not word.isalpha() for word in words) >= _LEET_WORDS and len(_LEET_WORD.findall(text)) >= _LEET_WORDS:
        yield Plain(_LEET_WORD.sub(lambda word: word[0].translate(_LEET), text), 0, len(text))
    is_prose = text.isascii() and sum(len(word) == 1 for word in words) < _SPACED_LETTERS
    if not is_prose and _SPACED_HINT.search(text) and (match := _SPACED.search(text)):
        yield Plain(_SPACED_LETTER.sub(r"\1", match[0]), match.start(), match.end())


def _decoded(text: str) -> Iterator[Plain]:
    if max(map(len, text.split()), default=0) >= _LONG:
        for pattern, decode in ((_BASE64, _from_base64), (_HEX, _from_hex)):
            for match in islice(pattern.finditer(text), MAX_DECODED):
                if plain := decode(match[0]):
                    yield Plain(plain, match.start(), match.end())
    if "%" in text and len(_PERCENT.findall(text)) >= 3:
        yield Plain(unquote(text), 0, len(text), hidden=False)
    if "\\" in text and len(_ESCAPES.findall(text)) >= 4:
        yield Plain(_ESCAPES.sub(lambda e: chr(int(e[1] or e[2], base=16)), text), 0, len(text))
    if "&#" in text and (match := _ENTITIES.search(text)):
        yield Plain(html.unescape(text), match.start(), match.end())


def _look_alikes(text: str) -> Iterator[Plain]:
    if _HALF_KANA.search(text):
        yield Plain(unicodedata.normalize("NFKC", text), 0, len(text), hidden=False)
    if _MIXED_WORD.search(text):
        yield Plain(text.translate(_LOOK_ALIKES), 0, len(text))
    if match := _TAGS.search(text):
        yield Plain("".join(chr(ord(c) - 0xE0000) for c in match[0]), match.start(), match.end())


def _from_base64(encoded: str) -> str:
    if len(encoded) > MAX_ENCODED_CHARS or (encoded.isalpha() and encoded.islower()):
        return ""
    body = encoded.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _readable(base64.b64decode(body + "=" * (-len(body) % 4), validate=True))
    except (binascii.Error, ValueError):
        return ""


def _from_hex(encoded: str) -> str:
    try:
        return _readable(bytes.fromhex(encoded[:MAX_ENCODED_CHARS]))
    except ValueError:
        return ""


def _readable(data: bytes) -> str:
    """The text, if it is one."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return ""
    return text if len(text) >= 6 and all(c.isprintable() or c in "\n\t" for c in text) else ""
