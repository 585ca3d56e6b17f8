"""A deleted project's telemetry leaves the column store: spans, scores, notices; a real server, both SQL engines."""

import json
import time

from kaname.kernel.clock import ManualClock
from kaname.storage.columns import ColumnsClient, migrate_columns
from kaname.storage.journal import Journal
from kaname.storage.journal.settings import JournalSettings
from kaname.traces.dead_letters import DeadLetters
from kaname.traces.project_rows import DeadLetterRows, TelemetryRows
from kaname.traces.tables import COLUMNS_MIGRATIONS
from live import LiveServer, request
from traces_rows import NOW, OTHER, PROJECT, insert_rows, make_span


def test_rows_of_one_project_go_and_those_of_others_stay(columns: ColumnsClient, tmp_path) -> None:
    migrate_columns(columns, COLUMNS_MIGRATIONS)
    for batch in range(3):  # several parts, some mixed
        insert_rows(columns, *(make_span(n, trace=batch + 1) for n in range(20)), make_span(batch, project=OTHER))
    journal = Journal(tmp_path / "journal", JournalSettings())
    journal.open()
    rows = TelemetryRows(columns, journal, ManualClock(at=NOW))
    assert rows.count(PROJECT)["spans"] == 60
    assert rows.erase(PROJECT)
    assert not rows.erase(PROJECT)
    assert not any(rows.count(PROJECT).values())
    assert rows.count(OTHER)["spans"] == 3
    assert rows.is_settled(NOW)
    journal.close()


def test_letters_of_one_project_go(tmp_path) -> None:
    letters = DeadLetters(tmp_path)
    letters.put("a", b"payload", kind="span", project_id=PROJECT, reason="test")
    letters.put("b", b"payload", kind="span", project_id=OTHER, reason="test")
    rows = DeadLetterRows(letters)
    assert rows.count(PROJECT) == {"dead_letters": 1}
    assert rows.erase(PROJECT)
    assert not rows.erase(PROJECT)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.bin", "b.json"]


def test_deleting_a_project_erases_its_telemetry(live_server: LiveServer) -> None:
    organization = f"/api/v1/organizations/{live_server.organization_id}"
    project_id = live_server.call("POST", f"{organization}/projects", {"name": "doomed"}).json()["id"]
    path = f"{organization}/projects/{project_id}"
    key = live_server.call("POST", f"/api/v1/projects/{project_id}/keys", {"name": "app"}).json()["secret_key"]
    bearer = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    sent = request("POST", f"{live_server.url}/v1/traces", body=_spans(5), headers=bearer)
    assert sent.status == 200, sent.body
    score = {"name": "good", "value": 1, "target": {"trace_id": "ab" * 16}}
    scored = request(
        "POST",
        f"{live_server.url}/api/v1/projects/{project_id}/scores",
        body=json.dumps(score).encode(),
        headers=bearer,
    )
    assert scored.status == 201, scored.body
    _wait_for(live_server, path, {"spans": 5, "scores": 1, "api_keys": 1})
    assert live_server.call("DELETE", path).status == 204
    assert live_server.call("GET", f"{path}/contents").status == 404
    assert live_server.call("GET", f"/api/v1/projects/{project_id}/spans").status == 404
    assert request("POST", f"{live_server.url}/v1/traces", body=_spans(1), headers=bearer).status == 401
    _wait_for_log(live_server, f"erased rows of deleted project {project_id} in columns")


def _wait_for(server: LiveServer, path: str, expected: dict[str, int]) -> None:
    deadline = time.monotonic() + 20
    while True:
        found = {i["name"]: i["rows"] for i in server.call("GET", f"{path}/contents").json()["items"]}
        if found == expected:
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def _wait_for_log(server: LiveServer, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in server.log_path.read_text(encoding="utf-8", errors="replace"):
        assert time.monotonic() < deadline, f"{text!r} isn't in the log"
        time.sleep(0.1)


def _spans(count: int) -> bytes:
    start = time.time_ns()
    spans = [
        {
            "traceId": "ab" * 16,
            "spanId": f"{n + 1:016x}",
            "name": f"step {n}",
            "startTimeUnixNano": str(start + n),
            "endTimeUnixNano": str(start + n + 1000),
        }
        for n in range(count)
    ]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
