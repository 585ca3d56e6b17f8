"""Passport numbers: Japan two letters and seven digits (ICAO 9303), US a letter and eight digits or nine digits.

None has a check digit outside the machine-readable zone, and part numbers look alike: a word must stand near them.
"""

import re

from kaname.privacy.context import weigh, words
from kaname.privacy.model import Finding, View

_JAPAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{7}(?![0-9A-Za-z])")
_US = re.compile(r"(?<![0-9A-Za-z])(?:[A-Z][0-9]{8}|[0-9]{9})(?![0-9A-Za-z])")
_WORDS = words(r"passport|パスポート|旅券")


class PassportRecogniser:
    """See the module."""

    kinds = ("PASSPORT",)

    def applies(self, view: View) -> bool:
        return any(run.digits >= 7 for run in view.numbers)

    def find(self, view: View) -> list[Finding]:
        text, found = view.text, list[Finding]()
        for run in view.numbers:
            if run.digits < 7:
                continue
            start = run.start
            match = _JAPAN.match(text, start - 2) if start >= 2 else None
            match = match or (_US.match(text, start - 1) if start >= 1 else None) or _US.match(text, start)
            if match is None:
                continue
            extra, why = weigh(view, match.start(), match.end(), _WORDS)
            found.append(view.finding("PASSPORT", match.start(), match.end(), 0.3 + extra, f"shape {why}".strip()))
        return found


PASSPORT = PassportRecogniser()
