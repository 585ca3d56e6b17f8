"""Folds Logfire's second span of a streamed answer into the span of its request.

Logfire ends a request's span when the stream begins. When the stream ends it sends the answer, its usage and how long
it took as a log: a span of no length under the same parent. One call must be one row, so the answer is folded into
the request of the same trace, parent and scope that ended nearest to the stream's begin.

Only spans of one export request are folded, so that a repeated delivery folds alike. An answer that comes later than
its request becomes a child of it (kind `event`, by the dialect): its usage still counts once. Which request that was
is only remembered for a while; without it the answer stays where its sender put it.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kaname.traces.model import RawSpan

FOLDED_ATTRIBUTE = "kaname.folded_span_id"
_NAME = "streaming response from "
_OUTPUTS = ("response_data", "gen_ai.output.messages")
_MAX_OPEN = 2_000


class _Place(NamedTuple):
    """Where a request and its answer both are."""

    project_id: str
    trace_id: str
    parent_span_id: str
    scope: str


class _Open(NamedTuple):
    """A request whose answer hasn't come."""

    span_id: str
    end_ns: int


class StreamOutputs:
    """Folds the spans of one export request at a time. One thread uses it."""

    def __init__(self) -> None:
        self._earlier: OrderedDict[_Place, list[_Open]] = OrderedDict()

    def fold(self, project_id: str, spans: list[RawSpan]) -> list[RawSpan]:
        """The spans without those that were folded into others; the rest is changed in place."""
        ours = [s for s in spans if s.scope.name.startswith("logfire")]
        if not ours:
            return spans
        here: dict[_Place, list[RawSpan]] = {}
        for span in ours:
            if is_unanswered(span):
                here.setdefault(_place(project_id, span), []).append(span)
        folded: set[int] = set()
        for answer in sorted(filter(is_stream_output, ours), key=_start):
            place = _place(project_id, answer)
            at = _nearest(((s.span_id, s.end_ns) for s in here.get(place, ())), answer)
            if at is not None:
                _merge(here[place].pop(at), answer)
                folded.add(id(answer))
            elif (at := _nearest(self._earlier.get(place, ()), answer)) is not None:
                answer.parent_span_id = self._earlier[place].pop(at).span_id
        self._remember(here)
        return [s for s in spans if id(s) not in folded] if folded else spans

    def _remember(self, requests: dict[_Place, list[RawSpan]]) -> None:
        for place, spans in requests.items():
            if spans:
                kept = self._earlier.setdefault(place, [])
                kept.extend(_Open(s.span_id, s.end_ns) for s in spans)
                del kept[:-_MAX_OPEN]
                self._earlier.move_to_end(place)
        while len(self._earlier) > _MAX_OPEN:
            self._earlier.popitem(last=False)


def is_stream_output(span: RawSpan) -> bool:
    """Whether the span is what Logfire says at the end of a stream."""
    return span.name.startswith(_NAME) and span.attributes.get("logfire.span_type") == "log"


def is_unanswered(span: RawSpan) -> bool:
    """Whether the span is a request of Logfire's to a model, without an answer."""
    a = span.attributes
    return "request_data" in a and a.get("logfire.span_type") != "log" and not any(key in a for key in _OUTPUTS)


def _place(project_id: str, span: RawSpan) -> _Place:
    return _Place(project_id, span.trace_id, span.parent_span_id, span.scope.name)


def _start(span: RawSpan) -> int:
    return span.start_ns


def _nearest(requests: Iterable[tuple[str, int]] | Sequence[_Open], answer: RawSpan) -> int | None:
    """The number of the request that ended nearest to the begin of the answer's stream, and before its end."""
    seconds = answer.attributes.get("duration")
    length_ns = int(seconds * 1e9) if isinstance(seconds, int | float) and 0 <= seconds < 1e6 else 0
    began_ns = answer.start_ns - length_ns
    found = [(abs(end_ns - began_ns), at) for at, (_, end_ns) in enumerate(requests) if end_ns <= answer.start_ns]
    return min(found)[1] if found else None


def _merge(request: RawSpan, answer: RawSpan) -> None:
    request.attributes = {**answer.attributes, **request.attributes, FOLDED_ATTRIBUTE: answer.span_id}
    request.events = [*request.events, *answer.events]
    request.end_ns = max(request.end_ns, answer.end_ns)
    if answer.status == "error" and request.status != "error":
        request.status, request.status_message = answer.status, answer.status_message
