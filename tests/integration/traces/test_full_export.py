"""Exports with whole values: what ingest moved to blobs comes back, what is gone says so."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi.testclient import TestClient

from kaname.kernel.errors import NotFoundError
from kaname.traces.whole_values import with_whole_values
from kaname.traces.wide_values import WideValues
from traces_rows import PROJECT, make_span

Insert = Callable[..., None]
ROOT = f"/api/v1/projects/{PROJECT}"


@dataclass
class Blobs:
    """Reads and writes the values that the routes under test read."""

    values: dict[str, bytes] = field(default_factory=dict)

    def put(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.values[digest] = content
        return digest

    def get(self, digest: str) -> bytes:
        if digest not in self.values:
            raise NotFoundError(f"no blob {digest!r}")
        return self.values[digest]


def test_a_full_export_holds_whole_values(http: TestClient, insert: Insert, blobs: Any) -> None:
    long, note = "全部" * 900_000, "z" * 2_000_000
    rows = [
        make_span(1, input=long, input_format="text", output="short", metadata={"k": note, "m": "kaname-blob://x?y=1"},
                  attributes=json.dumps({"a": [{"b": note}], "c": 1})),
        make_span(2, events=json.dumps([{"name": str(i), "body": "e" * 1000} for i in range(1200)])),
        make_span(3, input='"input_blob":"" kaname.blob', attributes='{"kaname.blob":"not ours"}'),
        make_span(4, input=long + "gone"),
    ]  # fmt: skip
    whole = {r.span_id: (r.input, r.attributes, r.events, dict(r.metadata)) for r in rows}
    wide = WideValues(Blobs(blobs.values), wide_bytes=1 << 20, media_bytes=4096)
    for row in rows:
        wide.shrink(row)
    insert(*rows)
    del blobs.values[rows[3].input_blob]
    plain = [json.loads(line) for line in http.get(f"{ROOT}/export/spans").iter_lines()]
    assert [bool(r["input_blob"]) for r in plain] == [True, False, False, True]
    full = [json.loads(line) for line in http.get(f"{ROOT}/export/spans", params={"full": "true"}).iter_lines()]
    assert [r["span_id"] for r in full] == [r["span_id"] for r in plain]
    for row in full[1:]:
        found = (row["input"], row["attributes"], row["events"], row["metadata"])
        assert [json.loads(f) if f[:1] in ("{", "[") else f for f in found[:3]] == [
            json.loads(f) if f[:1] in ("{", "[") else f for f in whole[row["span_id"]][:3]
        ]
        assert found[3] == whole[row["span_id"]][3]
        assert row["input_blob"] == ""
    # What was erased stays marked as incomplete.
    assert full[0] == plain[0]


def test_a_full_export_as_parquet_is_refused(http: TestClient) -> None:
    answer = http.get(f"{ROOT}/export/spans", params={"full": "true", "format": "parquet"})
    assert (answer.status_code, answer.json()["param"]) == (400, "full")


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_lines_may_be_cut_anywhere(size: int) -> None:
    text = b'{"input":"a","input_blob":""}\n{"input":"h","input_blob":"d"}\n{"input":"b"}'
    pieces = (text[i : i + size] for i in range(0, len(text), size))
    blobs = Blobs({"d": b"whole"})
    assert b"".join(with_whole_values(pieces, blobs)) == text.replace(
        b'"h","input_blob":"d"', b'"whole","input_blob":""'
    )
