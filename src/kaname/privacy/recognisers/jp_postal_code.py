"""〒 and seven digits, 3-4. Without the mark only next to an address or a word for it: phone numbers look alike."""

import re

from kaname.privacy.context import weigh, words
from kaname.privacy.model import Finding, View
from kaname.privacy.recognisers.jp_address import PREFECTURE

_SHAPE = re.compile(r"(?<![0-9A-Za-z])(?<![0-9)][ -])[0-9]{3}-[0-9]{4}(?![0-9A-Za-z]|-[0-9])")
_MARK = re.compile(r"〒 ?\Z")
_MARKED_BARE = re.compile(r"〒 ?[0-9]{7}(?![0-9])")
_WORDS = words(r"郵便番号|〒|住所|所在地|postal|zip")
_ADDRESS = re.compile(rf" {{0,3}}(?:{PREFECTURE})")


class PostalCodeRecogniser:
    """See the module."""

    kinds = ("JP_POSTAL_CODE",)

    def applies(self, view: View) -> bool:
        return "〒" in view.text or ("-" in view.text and any(run.digits >= 7 for run in view.numbers))

    def find(self, view: View) -> list[Finding]:
        text, found = view.text, list[Finding]()
        for run in view.numbers:
            if run.digits < 7:
                continue
            for match in _SHAPE.finditer(text, run.start, run.end + 1):
                start, end = match.span()
                if mark := _MARK.search(text, max(0, start - 2), start):
                    found.append(view.finding("JP_POSTAL_CODE", mark.start(), end, 0.95, "mark"))
                    continue
                extra, why = weigh(view, start, end, _WORDS)
                if _ADDRESS.match(text, end):
                    extra, why = 0.35, "address"
                found.append(view.finding("JP_POSTAL_CODE", start, end, 0.3 + extra, why or "shape"))
        if "〒" in text:
            found += [
                view.finding("JP_POSTAL_CODE", match.start(), match.end(), 0.9, "mark")
                for match in _MARKED_BARE.finditer(text)
            ]
        return found


JP_POSTAL_CODE = PostalCodeRecogniser()
