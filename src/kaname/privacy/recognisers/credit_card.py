"""Payment cards: 12–19 digits in groups, a known issuer with its lengths, and the Luhn check.

Luhn: from the right, double every second digit of the body, subtract 9 above 9; the total mod 10 is 0 (ISO/IEC 7812-1,
Annex B). One random number in ten passes, which is why the issuer's range and length must fit as well.
"""

import re

from kaname.privacy.context import weigh, words
from kaname.privacy.model import Finding, View

_SHAPE = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][.-])(?:[0-9]{12,19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{1,3})?"
    r"|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5})(?![0-9A-Za-z]|-[0-9])"
)
_ISSUERS: tuple[tuple[re.Pattern[str], frozenset[int]], ...] = tuple(
    (re.compile(prefix), frozenset(lengths))
    for prefix, lengths in (
        (r"4", (13, 16, 19)),  # Visa
        (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),  # Mastercard
        (r"3[47]", (15,)),  # American Express
        (r"30[0-5]|3[689]", (14, 16, 17, 18, 19)),  # Diners
        (r"6011|64[4-9]|65|62", (16, 17, 18, 19)),  # Discover, UnionPay
        (r"35", (16, 17, 18, 19)),  # JCB; issued from 3528 on, but test data isn't
        (r"1800|2131", (15,)),  # JCB, older
        (r"50[0-9]|5[6-9]|6|0604", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    )
)
_WORDS = words(
    r"card|credit|visa|master|amex|\bcc\b|\bpan\b|カード|クレジット",
    re.compile(r"imei|order|tracking|isbn|注文|追跡|伝票"),
)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others.

    >>> passes_luhn("4111111111111111"), passes_luhn("4111111111111112")
    (True, False)
    """
    plain = sum(map(int, digits[-1::-2]))
    return (plain + sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])) % 10 == 0


class CreditCardRecogniser:
    """See the module."""

    kinds = ("CREDIT_CARD",)

    def applies(self, view: View) -> bool:
        return any(run.digits >= 12 for run in view.numbers)

    def find(self, view: View) -> list[Finding]:
        found: list[Finding] = []
        for run in view.numbers:
            if run.digits < 12:
                continue
            for match in _SHAPE.finditer(view.text, run.start, run.end + 1):
                digits = match[0].replace(" ", "").replace("-", "")
                if _is_issued(digits) and passes_luhn(digits):
                    extra, why = weigh(view, match.start(), match.end(), _WORDS)
                    # Twelve digits are few cards and many other things, 個人番号 among them: a word must stand near.
                    score = (0.45 if len(digits) > 12 else 0.0) + 0.45 + extra
                    found.append(view.finding("CREDIT_CARD", match.start(), match.end(), score, f"luhn {why}".strip()))
        return found


def _is_issued(digits: str) -> bool:
    size = len(digits)
    return any(prefix.match(digits) and size in lengths for prefix, lengths in _ISSUERS)


CREDIT_CARD = CreditCardRecogniser()
