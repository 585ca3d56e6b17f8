"""US social security numbers: 3-2-4; area not 000, 666 or 900–999, group not 00, serial not 0000. No check digit.

Source: Social Security Administration, "Social Security Number Randomization". Nine bare digits need a word near them.
"""

import re

from kaname.privacy.context import weigh, words
from kaname.privacy.model import Finding, View

_SHAPE = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9)][ .-])(?!000|666|9)[0-9]{3}(?P<sep>[ -]?)(?!00)[0-9]{2}(?P=sep)(?!0000)[0-9]{4}"
    r"(?![0-9A-Za-z]|[.-][0-9])"
)
_WORDS = words(r"\bssn\b|social security|社会保障番号|tax id|taxpayer")


class SsnRecogniser:
    """See the module."""

    kinds = ("US_SSN",)

    def applies(self, view: View) -> bool:
        return any(run.digits >= 9 for run in view.numbers)

    def find(self, view: View) -> list[Finding]:
        found: list[Finding] = []
        for run in view.numbers:
            if run.digits < 9:
                continue
            for match in _SHAPE.finditer(view.text, run.start, run.end + 1):
                extra, why = weigh(view, match.start(), match.end(), _WORDS)
                base = 0.5 if match["sep"] == "-" else 0.25
                found.append(view.finding("US_SSN", match.start(), match.end(), base + extra, f"shape {why}".strip()))
        return found


US_SSN = SsnRecogniser()
