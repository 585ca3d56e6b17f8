"""Journal to store on the real engine: each span once whatever is repeated, broken or out of order."""

import asyncio
import base64
import json
import secrets
import time
from decimal import Decimal

import msgspec
import pytest

from kaname.gateway.model import GatewayRecord, encode_records
from kaname.kernel.errors import EngineRefusedError, EngineUnavailableError
from kaname.storage.journal import JournalReader
from kaname.traces.model import ScoreRow
from kaname.traces.scores_ingest import JournalScoreWriter
from kaname.traces.span_store import SpanStore
from kaname.traces.tables import INGEST_NOTICE_COLUMNS, LOG_RECORD_COLUMNS

COUNT = "SELECT count() AS n, uniqExact(project_id, trace_id, span_id) AS u, sum(cost_usd) AS cost FROM spans"


def span(trace_id: str | None = None, span_id: str | None = None, *, age_s: float = 1, **attributes) -> dict:
    start = time.time_ns() - int(age_s * 10**9)
    values = {"gen_ai.operation.name": "chat", "gen_ai.usage.cost": 0.25, **attributes}
    return {
        "traceId": trace_id or secrets.token_hex(16),
        "spanId": span_id or secrets.token_hex(8),
        "name": "chat",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 10**6),
        "attributes": [
            {"key": k, "value": {"stringValue": v} if isinstance(v, str) else {"doubleValue": v}}
            for k, v in values.items()
        ],
    }


def batch(*spans: dict) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"scope": {"name": "t"}, "spans": list(spans)}]}]}).encode()


def record(trace_id: str, span_id: str, name: str, **attributes) -> dict:
    return {
        "traceId": trace_id,
        "spanId": span_id,
        "eventName": name,
        "timeUnixNano": str(time.time_ns()),
        "attributes": [
            {"key": k, "value": {"stringValue": v} if isinstance(v, str) else {"doubleValue": v}}
            for k, v in attributes.items()
        ],
    }


def log_batch(*records: dict) -> bytes:
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]}).encode()


def send(ingest, *bodies: bytes, path: str = "/v1/traces") -> None:
    async def go() -> None:
        for body in bodies:
            answer = await ingest.send(path, body, content_type="application/json")
            assert answer.status == 200, answer.body

    asyncio.run(go())


def totals(pipeline) -> tuple[int, int, Decimal]:
    row = pipeline.rows(COUNT)[0]
    return row["n"], row["u"], row["cost"] or Decimal()


def test_the_same_batch_three_times_in_a_run_and_across_runs(ingest, pipeline):
    body = batch(*(span(age_s=i * 40) for i in range(6)))
    send(ingest, body, body, body)
    assert pipeline.consume()["duplicates"] == 12
    assert totals(pipeline) == (6, 6, Decimal("1.5"))
    send(ingest, body)
    assert pipeline.consume()["duplicates"] == 18
    assert totals(pipeline) == (6, 6, Decimal("1.5"))


def test_repeats_are_found_in_minutes_with_too_many_keys_to_remember(ingest, pipeline, monkeypatch):
    monkeypatch.setattr("kaname.traces.known_spans._MAX_LOADED", 3)
    body = batch(*(span() for _ in range(10)))
    send(ingest, body)
    pipeline.consume()
    send(ingest, body, batch(span()))
    pipeline.consume()
    assert totals(pipeline)[:2] == (11, 11)


def test_the_first_of_two_spans_with_one_id_wins(ingest, pipeline):
    first, second = span("ab" * 16, "cd" * 8), span("ab" * 16, "cd" * 8)
    second["name"] = "other"
    send(ingest, batch(first), batch(second))
    pipeline.consume()
    assert [r["name"] for r in pipeline.rows("SELECT name FROM spans")] == ["chat"]


class Interrupted(BaseException):
    """The process dies here."""


class DyingStore(SpanStore):
    """A store whose process dies at a chosen call, before or after it has taken effect."""

    def __init__(self, client, dies_at: str, *, after: bool) -> None:
        super().__init__(client)
        self._dies_at, self._after = dies_at, after

    def _maybe(self, name: str, call):
        if name == self._dies_at and not self._after:
            raise Interrupted
        call()
        if name == self._dies_at:
            raise Interrupted

    def insert_spans(self, lines, token):
        self._maybe("insert_spans", lambda: SpanStore.insert_spans(self, lines, token))

    def insert_scores(self, rows):
        self._maybe("insert_scores", lambda: SpanStore.insert_scores(self, rows))

    def insert_logs(self, rows):
        self._maybe("insert_logs", lambda: SpanStore.insert_logs(self, rows))

    def insert_notices(self, rows):
        self._maybe("insert_notices", lambda: SpanStore.insert_notices(self, rows))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dies_at", ["insert_spans", "insert_scores", "insert_logs", "insert_notices"])
def test_dying_anywhere_changes_nothing(ingest, pipeline, dies_at, after):
    one = span()
    evaluation = record(
        one["traceId"], one["spanId"], "gen_ai.evaluation.result",
        **{"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.5},
    )  # fmt: skip
    send(ingest, batch(one, span(), span(age_s=40 * 86_400), {**span(), "traceId": "00"}))
    send(ingest, log_batch(evaluation), path="/v1/logs")
    with pytest.raises(Interrupted):
        pipeline.consume(DyingStore(pipeline.columns, dies_at, after=after))
    pipeline.consume()
    assert totals(pipeline) == (3, 3, Decimal("0.75"))
    assert pipeline.rows("SELECT count() AS n FROM scores FINAL")[0]["n"] == 1
    assert pipeline.rows("SELECT count() AS n FROM log_records FINAL")[0]["n"] == 1
    assert pipeline.rows("SELECT sum(count) AS n FROM ingest_notices FINAL")[0]["n"] == 1


def test_an_insert_that_outlives_its_client_is_not_added_to_the_replay(ingest, pipeline):
    """The first worker dies while the engine still works on its insert, which lands in the middle of the replay."""
    late: list[tuple[list[bytes], str]] = []

    class Deaf(SpanStore):
        def insert_spans(self, lines, token):
            late.append((list(lines), token))
            raise Interrupted

    class Overtaken(SpanStore):
        def insert_spans(self, lines, token):
            SpanStore.insert_spans(self, *late[0])
            SpanStore.insert_spans(self, lines, token)

    send(ingest, batch(span(), span()))
    with pytest.raises(Interrupted):
        pipeline.consume(Deaf(pipeline.columns))
    send(ingest, batch(span()))
    pipeline.consume(Overtaken(pipeline.columns))
    pipeline.columns.insert_json_lines(
        "spans", b"\n".join(late[0][0]),
        settings={"insert_deduplicate": 1, "insert_deduplication_token": late[0][1]},
    )  # fmt: skip
    assert totals(pipeline)[:2] == (3, 3)


def test_a_token_whose_rows_the_store_lost_does_not_hide_them(ingest, pipeline):
    class Lost(SpanStore):
        def insert_spans(self, lines, token):
            SpanStore.insert_spans(self, lines, token)
            self._client.command("DELETE FROM spans WHERE 1")
            raise Interrupted

    send(ingest, batch(span(), span()))
    with pytest.raises(Interrupted):
        pipeline.consume(Lost(pipeline.columns))
    pipeline.consume()
    assert totals(pipeline)[:2] == (2, 2)


def test_while_the_engine_is_away_the_worker_waits_and_loses_nothing(ingest, pipeline):
    class Away(SpanStore):
        failures = 3

        def insert_spans(self, lines, token):
            if self.failures:
                self.failures -= 1
                if self.failures == 1:  # unknown outcome: it did happen
                    SpanStore.insert_spans(self, lines, token)
                raise EngineUnavailableError("away")
            SpanStore.insert_spans(self, lines, token)

    send(ingest, batch(span(), span()))
    pipeline.consume(Away(pipeline.columns))
    assert totals(pipeline)[:2] == (2, 2)


def test_a_row_that_the_engine_refuses_is_buried_alone(ingest, pipeline):
    class Picky(SpanStore):
        def insert_spans(self, lines, token):
            if any(b"poison" in line for line in lines):
                raise EngineRefusedError("can't parse", engine_code=27)
            SpanStore.insert_spans(self, lines, token)

    bad = span()
    bad["name"] = "poison"
    send(ingest, batch(span(), span(), bad, span()))
    counters = pipeline.consume(Picky(pipeline.columns))
    assert counters["dead_letters"] == 1
    assert totals(pipeline)[:2] == (3, 3)
    (notice,) = pipeline.rows("SELECT kind, count, message FROM ingest_notices")
    assert notice["kind"] == "dead_letter"
    assert bad["spanId"] in notice["message"]
    (letter,) = (pipeline.directory / "dead").glob("*.bin")
    assert b"poison" in letter.read_bytes()


def test_entries_that_cannot_be_decoded_never_block_the_log(ingest, pipeline):
    async def go() -> None:
        for kind in ("otlp_traces_protobuf", "otlp_traces_json", "otlp_logs_json", "gateway", "score"):
            await ingest.journal.append(kind, "prj_test", b"\xff\xfe rubbish")

    asyncio.run(go())
    send(ingest, batch(span()))
    assert pipeline.consume()["dead_letters"] == 5
    assert totals(pipeline)[:2] == (1, 1)
    assert len(list((pipeline.directory / "dead").glob("*.json"))) == 5
    notices = pipeline.rows("SELECT kind, message FROM ingest_notices")
    assert [n["kind"] for n in notices] == ["dead_letter"] * 5


def test_rejected_spans_leave_a_notice(ingest, pipeline):
    bad = {**span(), "startTimeUnixNano": "1"}
    send(ingest, batch(span(), bad, {**span(), "spanId": "xx"}))
    pipeline.consume()
    (notice,) = pipeline.rows(f"SELECT {', '.join(INGEST_NOTICE_COLUMNS)} FROM ingest_notices")
    assert (notice["kind"], notice["count"]) == ("rejected_spans", 2)
    assert "outside the accepted window" in notice["message"]
    assert json.loads(notice["details"])["scopes"] == ["t"]


@pytest.mark.parametrize("order", ["logs first", "spans first", "one run"])
def test_content_in_log_records_reaches_its_span(ingest, pipeline, order):
    one = span()
    messages = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "hello from a log"}]}])
    details = record(
        one["traceId"], one["spanId"], "gen_ai.client.inference.operation.details",
        **{"gen_ai.input.messages": messages},
    )  # fmt: skip
    steps = [("/v1/logs", log_batch(details)), ("/v1/traces", batch(one))]
    if order == "spans first":
        steps.reverse()
    for path, body in steps:
        send(ingest, body, path=path)
        if order == "spans first":
            pipeline.consume()
    pipeline.consume()
    (row,) = pipeline.rows("SELECT input, flags FROM spans")
    assert ("hello from a log" in row["input"]) == (order != "spans first")
    assert ("log_content" in row["flags"]) == (order != "spans first")
    (kept,) = pipeline.rows(f"SELECT {', '.join(LOG_RECORD_COLUMNS)} FROM log_records")
    assert kept["event_name"] == "gen_ai.client.inference.operation.details"
    assert json.loads(kept["attributes"])["gen_ai.input.messages"] == messages


def test_evaluations_become_scores_once(ingest, pipeline):
    one = span()
    values = {
        "gen_ai.evaluation.name": "relevance",
        "gen_ai.evaluation.score.value": 0.75,
        "gen_ai.evaluation.score.label": "good",
        "gen_ai.evaluation.explanation": "it answers",
    }
    evaluation = record(one["traceId"], one["spanId"], "gen_ai.evaluation.result", **values)
    one["events"] = [{**evaluation, "name": "gen_ai.evaluation.result"}]
    other = span(
        **{
            "annotations.0.annotation.name": "thumbs",
            "annotations.0.annotation.label": "up",
            "annotations.0.annotation.annotator_kind": "HUMAN",
            "trace.annotations.1.annotation.name": "whole",
            "trace.annotations.1.annotation.score": 2.0,
        }
    )
    send(ingest, batch(one, other), batch(one, other))
    send(ingest, log_batch(evaluation), path="/v1/logs")
    pipeline.consume()
    rows = pipeline.rows("SELECT * FROM scores FINAL ORDER BY name")
    assert [(r["name"], r["data_type"], r["value"], r["label"], r["source"], r["target"]) for r in rows] == [
        ("relevance", "numeric", 0.75, "good", "llm", "span"),
        ("thumbs", "categorical", None, "up", "human", "span"),
        ("whole", "numeric", 2.0, "", "api", "trace"),
    ]
    assert (rows[0]["trace_id"], rows[0]["span_id"]) == (one["traceId"], one["spanId"])
    assert rows[0]["explanation"] == "it answers"


def test_scores_go_through_the_journal(ingest, pipeline):
    row = ScoreRow(
        project_id="prj_test", score_id="scr_1", name="ok", data_type="boolean", value=1.0, source="api",
        target="trace", trace_id="ab" * 16, created_ns=time.time_ns(), row_version=1,
    )  # fmt: skip
    corrected = msgspec.structs.replace(row, value=0.0, row_version=2)
    asyncio.run(JournalScoreWriter(ingest.journal).write([row, corrected]))
    pipeline.consume()
    (stored,) = pipeline.rows("SELECT value, toUnixTimestamp64Nano(created_at) AS at FROM scores FINAL")
    assert (stored["value"], stored["at"]) == (0.0, row.created_ns)


def test_a_gateway_record_becomes_one_span(ingest, pipeline):
    record = GatewayRecord(
        project_id="prj_test", request_id="req_1", trace_id="ab" * 16, span_id="cd" * 8, surface="chat_completions",
        requested_model="gpt-4o-mini", provider="openai", provider_type="openai", target_model="gpt-4o-mini",
        start_ns=time.time_ns(), duration_ns=10**8, status=200, response_format="json",
        request=b'{"messages": [{"role": "user", "content": "hi"}]}',
        response=b'{"choices": [{"message": {"role": "assistant", "content": "hello"}}]}',
        usage=b'{"prompt_tokens": 1000, "completion_tokens": 10}',
    )  # fmt: skip
    for _ in range(2):
        ingest.journal.append_soon("gateway", "prj_test", encode_records([record]))
    ingest.journal.close()
    pipeline.consume()
    (row,) = pipeline.rows("SELECT kind, model, input_tokens, output_preview, cost_source FROM spans")
    assert row == {
        "kind": "llm", "model": "gpt-4o-mini", "input_tokens": 1000, "output_preview": "hello",
        "cost_source": "computed",
    }  # fmt: skip


def test_wide_values_and_media_go_to_blobs(ingest, pipeline):
    image = secrets.token_bytes(9000)
    uri = "data:image/png;base64," + base64.b64encode(image).decode()
    long = "この文書は長い。" * 60_000
    one = span(**{"input.value": f"look at {uri} now", "output.value": long, "openinference.span.kind": "LLM"})
    send(ingest, batch(one))
    pipeline.consume()
    (row,) = pipeline.rows("SELECT input, output, output_blob, attributes FROM spans")
    digest = row["input"].partition("kaname-blob://")[2].partition("?")[0]
    assert pipeline.blobs.get(digest) == image
    assert f"?mime=image/png&bytes={len(image)} now" in row["input"]
    assert base64.b64encode(image)[:100].decode() not in row["attributes"]
    assert pipeline.blobs.get(row["output_blob"]).decode() == long
    assert long.startswith(row["output"])
    assert len(row["output"]) == 65_536
    reference = json.loads(row["attributes"])["output.value"]
    assert pipeline.blobs.get(reference["kaname.blob"]).decode() == long
    assert reference["bytes"] == len(long.encode())


def test_the_checkpoint_counts_and_a_second_run_has_nothing_to_do(ingest, pipeline):
    send(ingest, batch(span(), span()))
    pipeline.consume()
    reader = JournalReader(pipeline.directory)
    assert reader.checkpoint.counters["spans"] == 2
    assert reader.interrupted is None
    assert reader.read_batch(1 << 20, 0.0) == []
    reader.close()
