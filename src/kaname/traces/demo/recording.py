"""The recorded run as one project's copy of it: other ids, other times, otherwise what was recorded.

The recording is an OTLP JSON request and a list of scores, as `devtools/demo_recording.py` wrote them from a journal.
Deterministic: a project and an end give the same bytes, so that loading twice is a delivery repeated, which ingest
recognises. Ids differ between projects, because a link from one must not be an id in another.
"""

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import msgspec
import orjson

from kaname.traces.model import ScoreRow

_FILE = "assistant_run.json.gz"
_SPANS_AN_ENTRY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCopy:
    """What to journal: OTLP JSON bodies of bounded size, and scores."""

    bodies: Sequence[bytes]
    scores: Sequence[ScoreRow]
    span_count: int


def copy_recording(project_id: str, end_ns: int) -> DemoCopy:
    """The run as if its last span had ended at `end_ns`."""
    content = files(__package__ or "").joinpath(_FILE).read_bytes()
    recorded: dict[str, Any] = orjson.loads(gzip.decompress(content))
    ids, shift_ns = _Ids(project_id), end_ns - int(recorded["end_ns"])
    bodies: list[bytes] = []
    count = 0
    for group in recorded["resourceSpans"]:
        for scope in group["scopeSpans"]:
            spans = [_span(span, ids, shift_ns) for span in scope["spans"]]
            count += len(spans)
            for start in range(0, len(spans), _SPANS_AN_ENTRY):
                part = {**scope, "spans": spans[start : start + _SPANS_AN_ENTRY]}
                bodies.append(orjson.dumps({"resourceSpans": [{**group, "scopeSpans": [part]}]}))
    scores = [_score(score, ids, project_id, shift_ns) for score in recorded["scores"]]
    return DemoCopy(bodies=bodies, scores=scores, span_count=count)


class _Ids:
    """Recorded ids → those of a project."""

    def __init__(self, project_id: str) -> None:
        self._salt = f"kaname demo {project_id} ".encode()

    def hexadecimal(self, recorded: str) -> str:
        """An id of the same length; nothing stays nothing."""
        return hashlib.sha256(self._salt + recorded.encode()).hexdigest()[: len(recorded)]


def _span(span: dict[str, Any], ids: _Ids, shift_ns: int) -> dict[str, Any]:
    moved = {
        **span,
        "traceId": ids.hexadecimal(span["traceId"]),
        "spanId": ids.hexadecimal(span["spanId"]),
        "startTimeUnixNano": str(int(span["startTimeUnixNano"]) + shift_ns),
        "endTimeUnixNano": str(int(span["endTimeUnixNano"]) + shift_ns),
    }
    if span.get("parentSpanId"):
        moved["parentSpanId"] = ids.hexadecimal(span["parentSpanId"])
    if events := span.get("events"):
        moved["events"] = [{**e, "timeUnixNano": str(int(e["timeUnixNano"]) + shift_ns)} for e in events]
    return moved


def _score(recorded: dict[str, Any], ids: _Ids, project_id: str, shift_ns: int) -> ScoreRow:
    score = msgspec.convert({**recorded, "project_id": project_id}, ScoreRow)
    return msgspec.structs.replace(
        score,
        score_id=f"scr_demo{ids.hexadecimal(score.score_id[-24:])}",
        trace_id=ids.hexadecimal(score.trace_id),
        span_id=ids.hexadecimal(score.span_id),
        author_id="",
        created_ns=score.created_ns + shift_ns,
        row_version=score.row_version + shift_ns,
    )
