"""Japanese addresses: prefecture, municipality, town, then 丁目/番地/号 or a chain such as 1-2-3, building and room.

A heuristic by shape, without the list of municipalities: the prefecture may be missing when the numbers are written
with 丁目 or 番; a place without a number isn't an address. Kanji digits count in 丁目 only.
"""

import re

from kaname.privacy.model import Finding, View

PREFECTURE = (
    "東京都|北海道|京都府|大阪府|青森県|岩手県|宮城県|秋田県|山形県|福島県|茨城県|栃木県|群馬県|埼玉県|千葉県|神奈川県|新潟県|富山県"
    "|石川県|福井県|山梨県|長野県|岐阜県|静岡県|愛知県|三重県|滋賀県|兵庫県|奈良県|和歌山県|鳥取県|島根県|岡山県|広島県|山口県|徳島県"
    "|香川県|愛媛県|高知県|福岡県|佐賀県|長崎県|熊本県|大分県|宮崎県|鹿児島県|沖縄県"
)
_NAME = "[一-鿿ぁ-んァ-ヶー々]"
_CITY = f"(?:{_NAME}{{1,7}}?[市区町村郡]){{1,3}}"
_TOWN = rf"{_NAME}{{0,14}}?(?:[0-9]{{1,2}}条[北南東西]?)?"
_CHAIN = r"[0-9]{1,5}(?:-[0-9]{1,5}){1,3}"
_BLOCK = (
    r"(?:[0-9]{1,2}|[一二三四五六七八九十]{1,3})丁目"
    r"(?:[0-9]{1,4}(?:番地?(?:の?[0-9]{1,4})?号?|-[0-9]{1,4}(?:-[0-9]{1,4})?)?)?"
)
_NUMBER = r"[0-9]{1,5}(?:番地?の?[0-9]{0,4}号?|号)"
_BUILDING = (
    r"(?:[  ]?[一-鿿ァ-ヶーA-Za-z]{1,20}(?:ビル|マンション|ハイツ|荘|コーポ|タワー|メゾン|アパート|レジデンス)?[  ]?"
    r"[0-9]{1,4}(?:号室|階|F))?"
)
_SHAPE = re.compile(
    rf"(?P<pref>(?:{PREFECTURE}) ?)?(?P<city>{_CITY}) ?{_TOWN}(?P<num>{_BLOCK}|{_CHAIN}|{_NUMBER})"
    rf"{_BUILDING}"
)
_MARKS = ("市", "区", "町", "村", "郡")
_MAX_CHARS = 90


class AddressRecogniser:
    """See the module."""

    kinds = ("JP_ADDRESS",)

    def applies(self, view: View) -> bool:
        text = view.text
        return not text.isascii() and any(mark in text for mark in _MARKS) and (bool(view.numbers) or "丁目" in text)

    def find(self, view: View) -> list[Finding]:
        text, found, place = view.text, list[Finding](), 0
        for start in _beginnings(text):
            if start < place:
                continue
            match = _SHAPE.match(text, start, start + _MAX_CHARS)
            if match is None:
                continue
            number = match["num"]
            strong = "丁目" in number or "番" in number or "-" in number
            city = match["city"]
            named = "市" in city or ("区" in city and "丁目" in number)
            score = (0.85 if strong else 0.55) if match["pref"] else 0.6 if strong and named else 0.4
            place = match.end()
            why = "prefecture and number" if match["pref"] else "municipality and number"
            found.append(view.finding("JP_ADDRESS", start, place, score, why))
        return found


_PREFECTURES = re.compile(PREFECTURE)
_CITY_START = re.compile(r"(?<![一-鿿ァ-ヶー々])[一-鿿ァ-ヶ]{1,5}[市区郡]")


def _beginnings(text: str) -> list[int]:
    """Where an address can begin: at a prefecture, else where the name of a municipality begins."""
    return sorted({m.start() for m in _PREFECTURES.finditer(text)} | {m.start() for m in _CITY_START.finditer(text)})


JP_ADDRESS = AddressRecogniser()
