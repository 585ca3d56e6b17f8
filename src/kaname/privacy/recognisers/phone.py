"""Phone numbers: `+` and country code, Japan's numbering plan, North America's, and others beside a word for it.

Sources: ITU-T E.164 (at most 15 digits); 総務省 電気通信番号計画 (0 and nine digits for fixed lines, 0[5-9]0 and eight
more, 0120, 0800, 0570, 0990); NANP (area code and exchange begin with 2–9). Digits and separators only. Not dates,
amounts or addresses of computers.
"""

import re

from kaname.privacy.context import NOT_PERSONAL, weigh, words
from kaname.privacy.model import Finding, View

_EDGE = r"(?<![0-9A-Za-z+])(?<![0-9][.-])"
_END = r"(?:[ ]?(?:x|ext\.?[ ]?)[0-9]{1,6})?(?![0-9A-Za-z]|[-][0-9])"
_PLUS = re.compile(r"(?<![0-9A-Za-z])\+[1-9](?:[ .()-]{0,3}[0-9]){6,14}" + _END)
_JAPAN = re.compile(
    r"(?<![0-9A-Za-z+])(?<![0-9]-)\(?0(?:"
    r"[5-9]0(?P<mobile>[ -]|\)[ ]?|\()?[0-9]{4}[ )-]?[0-9]{4}"
    r"|(?:120|800|570|990)(?P<free>[ -]?)[0-9]{2,3}[ -]?[0-9]{3,4}"
    r"|[1-9](?P<fixed>(?:[0-9]{0,3}[ )(-]{1,2}[0-9]{1,4})[ )-]{1,2}[0-9]{4}|[0-9]{8})"
    r")(?![0-9A-Za-z]|-[0-9])"
)
_AMERICA = re.compile(
    r"(?<![0-9A-Za-z+])(?<![0-9][.-])(?:1[ .-])?\(?[2-9][0-9]{2}(?P<sep>\)[ ]?|[ .-])?[2-9][0-9]{2}[ .-]?[0-9]{4}"
    + _END
)
_OTHER = re.compile(_EDGE + r"\(?[0-9](?:[ .()/-]{0,2}[0-9]){6,14}" + _END)
_WORDS = words(
    r"phone|\btel\b|tel[.:]|mobile|\bcell|\bfax|\bcall|answering|messages to|office|desk|reach me"
    r"|電話|携帯|連絡先|ＴＥＬ|ファックス",
    re.compile(NOT_PERSONAL.pattern + r"|date|日付|card|カード|ssn|iban|number is [0-9]"),
)
_DATE = re.compile(r"(?:19|20)[0-9]{2}[-./][01]?[0-9][-./][0-3]?[0-9]|[0-3]?[0-9][-./][01]?[0-9][-./](?:19|20)[0-9]{2}")
_IP = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}\Z")


class PhoneRecogniser:
    """See the module."""

    kinds = ("PHONE",)

    def applies(self, view: View) -> bool:
        return any(run.digits >= 7 for run in view.numbers)

    def find(self, view: View) -> list[Finding]:
        text, found = view.text, list[Finding]()
        for run in view.numbers:
            if not 7 <= run.digits <= 200:
                continue
            before = max(0, run.start - 2)
            stop = run.end + 8
            for start, end, base, why in _shapes(text, before, stop):
                if text[start] == "(" and ")" not in text[start:end]:
                    start += 1
                if not sum(map(str.isdigit, text[start:end])) >= 7 or _DATE.match(text, start, end):
                    continue
                extra, near = weigh(view, start, end, _WORDS)
                found.append(view.finding("PHONE", start, end, base + extra, f"{why} {near}".strip()))
        return found


def _shapes(text: str, before: int, stop: int) -> list[tuple[int, int, float, str]]:
    """(start, end, score, name) of each national way of writing that fits somewhere in a run of digits."""
    found = [(m.start(), m.end(), 0.7, "e164") for m in _PLUS.finditer(text, before, stop)]
    for match in _JAPAN.finditer(text, before, stop):
        if _is_japanese(match[0]):
            base = 0.6 if len(match[0]) > 11 or match["mobile"] is not None or match["free"] else 0.35
            if match[0].startswith(("090", "080", "070")):
                base = 0.6
            found.append((match.start(), match.end(), base, "japan"))
    for match in _AMERICA.finditer(text, before, stop):
        found.append((match.start(), match.end(), 0.6 if match["sep"] else 0.3, "america"))  # noqa: PERF401 - alike
    others = _OTHER.finditer(text, before, stop)
    return found + [(m.start(), m.end(), 0.3, "digits") for m in others if not _IP.match(m[0])]


def _is_japanese(number: str) -> bool:
    digits = "".join(c for c in number if c.isdigit())
    if (
        digits[1:3] in ("50", "60", "70", "80", "90")
        and digits[2] == "0"
        and digits[1] in "56789"
        and len(digits) == 11
    ):
        return digits[3] != "0"
    if digits.startswith(("0120", "0570", "0990")):
        return len(digits) == 10
    if digits.startswith("0800"):
        return len(digits) == 11
    if len(digits) != 10:
        return False
    local = re.split(r"[ ()-]+", number.strip("()"))
    # A local exchange never begins with 0; the area code has two to five digits.
    return len(local) < 3 or (not local[1].startswith("0") and 2 <= len(local[0]) <= 5)


PHONE = PhoneRecogniser()
