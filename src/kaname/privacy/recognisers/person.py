"""Names of persons, only where something says that one stands there: a field label, a title, 様 or さん after it.

Without a dictionary or a model a bare name can't be told from other words, so this finds few of them, and rarely
wrongly. Not here: names in running text; an optional engine may add them later.
"""

import re

from kaname.privacy.model import Finding, View

_ENGLISH = re.compile(
    r"(?:(?:(?:^|(?<=[\s(,;|。、]))(?i:full name|customer name|name|contact|attn)[ ]?[:：][ ]?)"
    r"|(?:(?<![A-Za-z])(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.?[ ])|(?:(?<![A-Za-z])(?:[Mm]y name is|I am called)[ ]))"
    r"(?!(?:Speaker|President|Chairman|Chair|Vice|Secretary|Justice|Ambassador|Minister|Prime)\b)"
    r"(?P<name>[A-ZÀ-ÖØ-Þ][\w’'-]{1,24}(?:[ ](?:[A-ZÀ-ÖØ-Þ][\w’'.-]{0,24})){0,3})"
)
_LABELLED = re.compile(
    r"(?:氏名|お名前|名前|名義|担当者?|代表者?)[ ]?[:は]?[ ]?"
    r"(?P<name>[一-鿿々ヶァ-ヶー]{1,5}[ ]?[一-鿿々ァ-ヶーぁ-ん]{1,5}?)"
    r"(?=です|と申|[\s、。,.)）」]|$)"
)
_HONORIFIC = re.compile(
    r"(?<![一-鿿々ァ-ヶー])(?P<name>[一-鿿々]{2,4}(?:[ ][一-鿿々]{1,3})?|[ァ-ヶー]{2,10})[ ]?"
    r"(?:様|さん|氏|殿|先生|くん|ちゃん)(?![一-鿿々])"
)
_NOT_NAMES = re.compile(
    r"(?:お客|皆|各位|神|王|奥|患者|医者|店員|業者|担当|部長|社長|課長|係員|看護師|娘|息子|母|父|兄|姉|弟|妹|同|両|某|彼|多種|生活|有様|何|誰)|.*(?:[多同異一模仕今左]|ユーザー|メーカー)\Z"
)
_CUES = ("様", "さん", "氏", "殿", "先生", "くん", "ちゃん", "名前", "名義", "担当", "代表")
_ENGLISH_CUES = ("Mr", "Ms", "Dr", "Miss", "Prof", "ame", "AME", "ontact", "ttn", "I am called")


class PersonRecogniser:
    """See the module."""

    kinds = ("PERSON",)

    def applies(self, view: View) -> bool:
        text = view.text
        return any(cue in text for cue in _ENGLISH_CUES) or (not text.isascii() and any(cue in text for cue in _CUES))

    def find(self, view: View) -> list[Finding]:
        text = view.text
        found = [_finding(view, match, 0.6, "cue") for match in _ENGLISH.finditer(text)]
        if not text.isascii():
            found += [_finding(view, match, 0.7, "label") for match in _LABELLED.finditer(text)]
            found += [
                _finding(view, match, 0.6, "honorific")
                for match in _HONORIFIC.finditer(text)
                if not _NOT_NAMES.match(match["name"])
            ]
        return found


def _finding(view: View, match: re.Match[str], score: float, why: str) -> Finding:
    return view.finding("PERSON", match.start("name"), match.end("name"), score, why)


PERSON = PersonRecogniser()
