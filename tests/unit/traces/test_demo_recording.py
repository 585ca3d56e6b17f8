"""The demo data: what it holds, and that a project's copy is always the same one."""

import msgspec
import orjson

from kaname.traces.demo.recording import copy_recording
from kaname.traces.ingest_settings import IngestSettings
from kaname.traces.otlp.json import decode_traces

NOW_NS = 1_795_500_000_000_000_000
LIMITS = IngestSettings().limits()


def test_it_is_valid_otlp_that_ends_when_told() -> None:
    copy = copy_recording("prj_a", NOW_NS)
    decoded = [decode_traces(body, LIMITS, NOW_NS) for body in copy.bodies]
    spans = [span for one in decoded for span in one.spans]
    assert len(spans) == copy.span_count > 100
    assert sum(one.outcome.rejected for one in decoded) == 0
    assert max(span.end_ns for span in spans) == NOW_NS
    assert {span.scope.resource["deployment.environment.name"] for span in spans} == {"demo"}
    ids = {span.span_id for span in spans}
    assert all(span.parent_span_id in ids for span in spans if span.parent_span_id)
    assert {score.span_id for score in copy.scores} <= ids
    assert len({score.score_id for score in copy.scores}) == len(copy.scores) > 100
    assert all(len(body) < 1_000_000 for body in copy.bodies)


def test_a_project_always_gets_the_same_copy_and_no_other_project_does() -> None:
    first, again, other = (copy_recording(p, NOW_NS) for p in ("prj_a", "prj_a", "prj_b"))
    assert first == again
    traces = [{s.trace_id for s in copy.scores} for copy in (first, other)]
    assert traces[0].isdisjoint(traces[1])
    assert {s.project_id for s in other.scores} == {"prj_b"}


def test_no_key_of_the_recording_installation_is_in_it() -> None:
    copy = copy_recording("prj_a", NOW_NS)
    text = b"".join(copy.bodies) + orjson.dumps([msgspec.to_builtins(s) for s in copy.scores])
    for unwanted in (b"kn-sk-", b"kaname.gateway.key_id", b"/tmp/"):
        assert unwanted not in text
