"""Writes the demo data (`src/kaname/traces/demo/assistant_run.json.gz`) from a journal that holds a real run.

    python -m devtools.demo_recording DATA_DIR/journal

Works on a copy, so that the journal's own consumer is left alone. Gateway calls become the spans that the worker would
make of them; ids of the recording installation's keys are left out. The result is an OTLP JSON request with two
additions: `scores`, and `end_ns`, when its last span ended.
"""

import base64
import gzip
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from kaname.gateway.model import decode_records
from kaname.storage.journal import Entry, JournalReader
from kaname.storage.journal.checkpoint import CHECKPOINT_FILE
from kaname.traces.gateway_records import to_raw_span
from kaname.traces.ingest_settings import IngestSettings
from kaname.traces.model import Attributes, AttributeValue, RawSpan
from kaname.traces.otlp import json as otlp_json
from kaname.traces.otlp import protobuf as otlp_protobuf

TARGET = Path(__file__).resolve().parents[1] / "src/kaname/traces/demo/assistant_run.json.gz"
_PRIVATE = ("kaname.gateway.key_id", "kaname.gateway.config_version", "telemetry.sdk.version")
_CODES = {"unset": 0, "ok": 1, "error": 2}


def main(argv: Sequence[str]) -> int:
    """Reads the journal, writes the file, and says how big it is."""
    if len(argv) != 1:
        print(__doc__)
        return 2
    entries = read_journal(Path(argv[0]))
    spans = [span for entry in entries for span in _spans(entry)]
    scores = [orjson.loads(entry.payload) for entry in entries if entry.kind == "score"]
    document = {
        "end_ns": max(span.end_ns for span in spans),
        "resourceSpans": _grouped(spans),
        "scores": [{**score, "project_id": "", "author_id": ""} for score in scores],
    }
    TARGET.write_bytes(gzip.compress(orjson.dumps(document), 9, mtime=0))
    print(f"{len(spans)} spans and {len(scores)} scores in {TARGET.stat().st_size:,} bytes: {TARGET}")
    return 0


def read_journal(directory: Path) -> list[Entry]:
    """All entries that the directory still has."""
    with tempfile.TemporaryDirectory() as folder:
        for segment in directory.glob("*.log"):
            shutil.copy(segment, folder)
        assert not (Path(folder) / CHECKPOINT_FILE).exists()
        reader = JournalReader(Path(folder))
        entries = reader.read_batch(1 << 30, 3.0)
        reader.close()
        return entries


def _spans(entry: Entry) -> Iterator[RawSpan]:
    limits = IngestSettings().limits()
    if entry.kind == "gateway":
        yield from (to_raw_span(record) for record in decode_records(entry.payload))
    elif entry.kind in ("otlp_traces_protobuf", "otlp_traces_json"):
        source = otlp_json if entry.kind == "otlp_traces_json" else otlp_protobuf
        yield from source.decode_traces(entry.payload, limits, entry.received_ns).spans


def _grouped(spans: Sequence[RawSpan]) -> list[dict[str, Any]]:
    """Spans by resource and scope, in order of time."""
    groups: dict[bytes, dict[str, Any]] = {}
    for span in sorted(spans, key=lambda s: (s.start_ns, s.span_id)):
        scope = span.scope
        # Every span says where it comes from, so that one filter leaves it out.
        resource = {**scope.resource, "deployment.environment.name": "demo"}
        head = {"name": scope.name, "version": scope.version, "attributes": _attributes(scope.attributes)}
        shared: dict[str, Any] = {
            "resource": {"attributes": _attributes(resource)},
            "scopeSpans": [{"scope": head, "spans": []}],
        }
        group = groups.setdefault(orjson.dumps(shared), shared)
        group["scopeSpans"][0]["spans"].append(_encode(span))
    return list(groups.values())


def _encode(span: RawSpan) -> dict[str, Any]:
    encoded: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_span_id,
        "name": span.name,
        "kind": span.otel_kind,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes({**span.attributes, "deployment.environment.name": "demo"}),
    }
    if span.status != "unset" or span.status_message:
        encoded["status"] = {"code": _CODES[span.status], "message": span.status_message}
    if span.events:
        encoded["events"] = [
            {"name": e.name, "timeUnixNano": str(e.time_ns), "attributes": _attributes(e.attributes)}
            for e in span.events
        ]
    return encoded


def _attributes(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": k, "value": _value(v)} for k, v in sorted(attributes.items()) if k not in _PRIVATE]


def _value(value: AttributeValue) -> dict[str, Any]:
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case bytes():
            return {"bytesValue": base64.b64encode(value).decode()}
        case list():
            return {"arrayValue": {"values": [_value(v) for v in value]}}
        case dict():
            return {"kvlistValue": {"values": [{"key": k, "value": _value(v)} for k, v in value.items()]}}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
