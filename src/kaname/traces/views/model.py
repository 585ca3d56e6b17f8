"""What a saved view is: a name for what a list of spans is asked for, kept by one person or shared with the project.

Only what can be asked for is kept, in the words of the API (`GET spans`); the selected row isn't part of a view.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import msgspec

from kaname.traces.filters import FilterClause

MAX_NAME = 100
MAX_COLUMNS = 40

ViewRange = Literal["15m", "1h", "24h", "7d", "30d", "all"]
VIEW_RANGES: tuple[ViewRange, ...] = get_args(ViewRange)
ViewOrder = Literal["start_time", "duration", "cost", "total_tokens"]
ViewDirection = Literal["desc", "asc"]


class ViewQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is asked for. `range` reaches back from now; `start` and `end` (ISO 8601) fix the time instead."""

    q: str = ""
    filters: tuple[FilterClause, ...] = ()
    range: ViewRange | None = None
    start: str | None = None
    end: str | None = None
    order: ViewOrder = "start_time"
    direction: ViewDirection = "desc"
    columns: tuple[str, ...] = ()
    """Ids of table columns, in order; empty for the usual ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """A view as it stands."""

    id: str
    name: str
    is_shared: bool
    owner_id: str
    query: ViewQuery
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewChange:
    """What to change; None leaves a part as it is."""

    name: str | None = None
    is_shared: bool | None = None
    query: ViewQuery | None = None
