"""Words near a match that speak for it or against it."""

import re
from typing import NamedTuple

from kaname.privacy.model import View

FOR = 0.25
LABELLED = 0.35
AGAINST = 0.4
_ORDER_WORDS = (
    r"order|invoice|tracking|version|isbn|serial|part no|model no|item|price|amount|total|sku|ticket|build"
    r"|注文|追跡|伝票|バージョン|型番|金額|価格|品番|商品|整理番号|受付番号|管理番号"
)
NOT_PERSONAL = re.compile(_ORDER_WORDS + r"|[¥$€%]")


class Words(NamedTuple):
    """Compiled once a recogniser: what to look for near a match."""

    near: re.Pattern[str]
    label: re.Pattern[str]
    against: re.Pattern[str] | None


def words(near: str, against: re.Pattern[str] | None = NOT_PERSONAL) -> Words:
    """`near` is an alternation in lower case. A word directly before the match, with `:` or は, counts as its label."""
    return Words(re.compile(near), re.compile(rf"(?:{near})[^\n0-9]{{0,12}}[:=は][ ]?\n"), against)


def weigh(view: View, start: int, end: int, context: Words) -> tuple[float, str]:
    """What the surroundings add to a score, and why."""
    around = view.around(start, end)
    if context.near.search(around):
        return (LABELLED, "label") if context.label.search(around) else (FOR, "context")
    if context.against is not None and context.against.search(around):
        return -AGAINST, "against"
    return 0.0, ""
