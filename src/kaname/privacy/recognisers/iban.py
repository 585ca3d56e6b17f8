"""International bank account numbers: two letters, two check digits, a length fixed by country, mod 97 = 1.

Source: ISO 13616; check as in ISO 7064 MOD 97-10: move the first four characters to the end, A = 10 … Z = 35.
Lengths from the SWIFT IBAN registry.
"""

import re

from kaname.privacy.model import Finding, View

_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip
_SHAPE = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{2}[0-9]{2}(?:[ -]?[0-9A-Za-z]){11,30}")
_MAX_CHARS = 50


def passes_mod_97(iban: str) -> bool:
    """Whether the check digits hold. `iban` without blanks, upper case.

    >>> passes_mod_97("GB82WEST12345698765432"), passes_mod_97("GB83WEST12345698765432")
    (True, False)
    """
    return "02" <= iban[2:4] <= "98" and int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 == 1


class IbanRecogniser:
    """See the module."""

    kinds = ("IBAN",)

    def applies(self, view: View) -> bool:
        return bool(view.numbers)

    def find(self, view: View) -> list[Finding]:
        text, found, end = view.text, list[Finding](), 0
        for run in view.numbers:
            start = run.start - 2
            if start < end or text[start : start + 2].upper() not in _LENGTHS:
                continue
            match = _SHAPE.match(text, start, start + _MAX_CHARS)
            if match is None:
                continue
            stop = _end_of(text, start, _LENGTHS[text[start : start + 2].upper()])
            if stop and passes_mod_97(re.sub("[ -]", "", text[start:stop]).upper()):
                end = stop
                found.append(view.finding("IBAN", start, stop, 0.95, "mod 97"))
        return found


def _end_of(text: str, start: int, characters: int) -> int:
    """Where a number of so many letters and digits ends; 0 when it doesn't end there."""
    place = start
    while characters and place < len(text):
        character = text[place]
        if character.isascii() and character.isalnum():
            characters -= 1
        elif character not in " -":
            return 0
        place += 1
    following = text[place : place + 1]
    return 0 if characters or (following.isascii() and following.isalnum()) else place


IBAN = IbanRecogniser()
