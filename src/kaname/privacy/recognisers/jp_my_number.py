"""個人番号 (My Number): 12 digits, the last a check digit.

Source: Ordinance 85 of 2014 of the Ministry of Internal Affairs and Communications, article 5: P_n is the n-th of the
11 body digits from the right, Q_n = n + 1 for n ≤ 6 and n - 5 above; r = ΣP_n·Q_n mod 11; the digit is 0 for r ≤ 1,
else 11 - r. One number in ten passes, so a bare one stays below the threshold: a word must stand near it.
"""

import re

from kaname.privacy.context import weigh, words
from kaname.privacy.model import Finding, View

_SHAPE = re.compile(r"(?<![0-9A-Za-z])(?<![0-9][.-])[0-9]{4}([ -]?)[0-9]{4}\1[0-9]{4}(?![0-9A-Za-z]|[.-][0-9])")
_WORDS = words(r"マイナンバー|個人番号|my ?number|mynumber|通知カード")
_WEIGHTS = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


def passes_check(digits: str) -> bool:
    """Whether the twelfth digit is the check digit of the first eleven.

    >>> passes_check("123456789018"), passes_check("123456789012")
    (True, False)
    """
    remainder = sum(int(d) * w for d, w in zip(digits[:11], _WEIGHTS, strict=True)) % 11
    return int(digits[11]) == (0 if remainder <= 1 else 11 - remainder)


class MyNumberRecogniser:
    """See the module."""

    kinds = ("JP_MY_NUMBER",)

    def applies(self, view: View) -> bool:
        return any(run.digits >= 12 for run in view.numbers)

    def find(self, view: View) -> list[Finding]:
        found: list[Finding] = []
        for run in view.numbers:
            if run.digits < 12:
                continue
            for match in _SHAPE.finditer(view.text, run.start, run.end + 1):
                if passes_check(match[0].replace(" ", "").replace("-", "")):
                    extra, why = weigh(view, match.start(), match.end(), _WORDS)
                    found.append(view.finding("JP_MY_NUMBER", match.start(), match.end(), 0.45 + extra, f"check {why}"))
        return found


JP_MY_NUMBER = MyNumberRecogniser()
