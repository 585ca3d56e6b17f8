"""`kaname traces …` against the real routes."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from kaname.traces.cli import traces
from traces_rows import PROJECT, make_score, make_span, span_id, trace_id

Insert = Callable[..., None]


@dataclass
class HttpApi:
    """The management API through the test client: `access.ports.Api` and its connector in one."""

    http: TestClient
    url: str = "http://test"

    def connect(self) -> "HttpApi":
        return self

    def project_id(self, chosen: str | None) -> str:
        return chosen or PROJECT

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        answer = self.http.get(path, params=dict(params or {}))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stream(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[bytes]:
        with self.http.stream("GET", path, params=dict(params or {})) as answer:
            assert answer.status_code == 200
            yield from answer.iter_bytes()


@pytest.fixture
def run(http: TestClient, insert: Insert) -> Callable[..., str]:
    insert(
        make_span(9, name="answer", kind="agent", duration_ns=2_500_000_000, input_preview="how do I…", status="ok"),
        make_span(8, parent=9, name="chat", kind="llm", model="m", input_tokens=3, output_tokens=4),
        make_span(7, parent=8, name="search", kind="tool", status="error"),
        make_span(6, parent=9, name="last"),
        make_span(5, parent=77, name="orphan"),
        make_span(20, trace=2, name="other"),
        make_score(1),
    )
    api = HttpApi(http)

    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(traces, arguments, obj=api, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


def test_list_shows_the_newest(run: Callable[..., str]) -> None:
    first, second = run("list").splitlines()
    assert first.startswith(trace_id(1))
    assert "answer  (5 spans 1 failed, 7 tokens)  how do I…" in first
    assert second.startswith(trace_id(2))
    assert run("list", "--filter", "status=error").count("\n") == 1
    assert run("list", "--filter", "duration_ms>=2000").count("\n") == 1
    assert run("list", "--filter", "name=nothing") == "No traces match.\n"
    assert json.loads(run("list", "--json"))["items"]


def test_show_draws_the_tree(run: Callable[..., str]) -> None:
    lines = run("show", trace_id(1)).splitlines()
    assert lines[1:] == [
        f"✓ answer  [agent]  2.5 s  {span_id(9)}",
        f"├─   chat  [llm]  250 ms  m  7 tokens  {span_id(8)}",
        f"│  └─ ✗ search  [tool]  250 ms  {span_id(7)}",
        f"└─   last  [span]  250 ms  {span_id(6)}",
        f"? missing parent {span_id(77)}",
        f"└─   orphan  [span]  250 ms  {span_id(5)}",
        "score quality = 1.0  (human, )",
    ]


def test_export_writes_a_file_or_to_standard_output(run: Callable[..., str], tmp_path: Path) -> None:
    assert len(run("export", "--filter", "kind=llm").splitlines()) == 1
    path = tmp_path / "spans.parquet"
    assert str(path) in run("export", "--format", "parquet", "-o", str(path))
    assert path.read_bytes()[:4] == b"PAR1"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["model", "=x", "duration_ms>fast", "is_root=maybe"])
def test_a_filter_that_cannot_be_read_is_a_usage_error(http: TestClient, text: str) -> None:
    result = CliRunner().invoke(traces, ["list", "--filter", text], obj=HttpApi(http))
    assert result.exit_code == 2
    assert text in result.output
