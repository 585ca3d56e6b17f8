"""Which spans a list, a count or an export is about: time range, filters, search. Read once from the query string."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kaname.kernel.clock import to_ns
from kaname.kernel.errors import InvalidInputError
from kaname.traces.filter_sql import conditions
from kaname.traces.filters import Filter, parse_filters, without_field
from kaname.traces.queries.statement import ProjectStatement
from kaname.traces.search import Search, parse_search, search_conditions

MIN_NS, MAX_NS = 0, 9_000_000_000_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanCriteria:
    """A conjunction over spans; `from_ns` inclusive, `to_ns` exclusive, None for open."""

    from_ns: int | None = None
    to_ns: int | None = None
    filters: tuple[Filter, ...] = ()
    search: Search | None = None

    @property
    def is_selective(self) -> bool:
        """Whether it names fewer spans than the whole project."""
        return bool(self.from_ns is not None or self.filters or self.search)

    def conditions(self, statement: ProjectStatement) -> list[str]:
        """SQL over table `spans`, without the project."""
        return [*self.time_conditions(statement), *self.other_conditions(statement)]

    def time_conditions(self, statement: ProjectStatement) -> list[str]:
        """The time range alone."""
        found: list[str] = []
        if self.from_ns is not None:
            found.append(f"start_time >= {statement.moment(self.from_ns)}")
        if self.to_ns is not None:
            found.append(f"start_time < {statement.moment(self.to_ns)}")
        return found

    def other_conditions(self, statement: ProjectStatement) -> list[str]:
        """Everything but the time range."""
        found = conditions(statement, self.filters)
        if self.search is not None:
            found += search_conditions(statement, self.search)
        return found

    def within(self, from_ns: int | None, to_ns: int | None) -> "SpanCriteria":
        """The same in a narrower time range."""
        starts = [t for t in (self.from_ns, from_ns) if t is not None]
        ends = [t for t in (self.to_ns, to_ns) if t is not None]
        return replace(self, from_ns=max(starts, default=None), to_ns=min(ends, default=None))

    def without_field(self, name: str) -> "SpanCriteria":
        """The same but for the filters on one field."""
        return replace(self, filters=without_field(self.filters, name))


def parse_criteria(from_: str | None, to: str | None, filter_: str | None, q: str | None) -> SpanCriteria:
    """Reads the four parameters that every list of spans shares; raises InvalidInputError naming the parameter."""
    from_ns, to_ns = parse_time(from_, "from"), parse_time(to, "to")
    if from_ns is not None and to_ns is not None and from_ns >= to_ns:
        raise InvalidInputError(
            f"from {from_!r} isn't before to {to!r}", hint="Swap them.", param="from", code="time_range_reversed"
        )
    return SpanCriteria(from_ns=from_ns, to_ns=to_ns, filters=parse_filters(filter_), search=parse_search(q))


def parse_time(text: str | None, param: str) -> int | None:
    """Nanoseconds of an ISO 8601 time (UTC if it names no zone); raises InvalidInputError."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        ns = to_ns(at.replace(tzinfo=UTC) if at.tzinfo is None else at)
    except (ValueError, OverflowError) as e:
        raise InvalidInputError(
            f"{param} {text[:60]!r} isn't an ISO 8601 time",
            hint="Example: 2026-11-24T09:00:00Z.",
            param=param,
            code="time_invalid",
            params={"field": param, "value": text[:60]},
        ) from e
    return min(max(ns, MIN_NS), MAX_NS)
