"""Exports, the live view and notices of ingest."""

import asyncio
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow.parquet
import pytest
from fastapi.testclient import TestClient

from kaname.kernel.clock import ManualClock
from kaname.kernel.errors import RateLimitedError
from kaname.storage.columns import ColumnsClient
from kaname.traces.criteria import SpanCriteria, parse_criteria
from kaname.traces.live import MAX_WAITING, LiveFeed, Topic, Viewer
from kaname.traces.queries.export import EXPORT_COLUMNS
from kaname.traces.routes_model import IngestNoticeList, SpanSummary
from kaname.traces.settings import TracesSettings
from traces_rows import NOW_NS, OTHER, PROJECT, SECOND, insert_rows, make_span

Insert = Callable[..., None]
ROOT = f"/api/v1/projects/{PROJECT}"
ALL = SpanCriteria()


@pytest.fixture
def exported(insert: Insert) -> None:
    insert(
        make_span(1, kind="llm", cost_usd=Decimal("0.000000000123"), tags=["a"], metadata={"k": "日本"}, input="x\n"),
        make_span(2, duration_ns=2**53 + 1, received_ns=NOW_NS + 1),
        make_span(3, kind="tool"),
        make_span(4, project=OTHER),
    )


@pytest.mark.usefixtures("exported")
def test_json_lines_hold_every_field_in_order_of_time(http: TestClient) -> None:
    answer = http.get(f"{ROOT}/export/spans")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.headers["content-disposition"] == 'attachment; filename="spans-20261124T120000Z.jsonl"'
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [r["name"] for r in rows] == ["span 3", "span 2", "span 1"]
    assert tuple(rows[0]) == EXPORT_COLUMNS
    assert rows[1]["duration_ns"] == 2**53 + 1
    last = rows[2]
    assert (last["kind"], last["cost_usd"], last["tags"], last["metadata"], last["input"]) == (
        "llm", "0.000000000123", ["a"], {"k": "日本"}, "x\n",
    )  # fmt: skip
    assert last["start_time"] == "2026-11-24T11:59:59.000000000Z"


@pytest.mark.usefixtures("exported")
def test_parquet_is_read_by_others(http: TestClient) -> None:
    answer = http.get(f"{ROOT}/export/spans", params={"format": "parquet"})
    assert answer.headers["content-disposition"].endswith('.parquet"')
    table = pyarrow.parquet.read_table(io.BytesIO(answer.content))
    assert table.column_names == list(EXPORT_COLUMNS)
    assert table["kind"].to_pylist() == ["tool", "span", "llm"]
    assert table["cost_usd"].to_pylist()[2] == Decimal("0.000000000123")


@pytest.mark.usefixtures("exported")
def test_exports_are_filtered_and_limited(http: TestClient) -> None:
    params = {"filter": '[{"field":"kind","op":"ne","value":"tool"}]', "limit": 1}
    answer = http.get(f"{ROOT}/export/spans", params=params)
    assert [json.loads(line)["name"] for line in answer.text.splitlines()] == ["span 2"]


def test_a_wrong_export_is_refused_before_it_begins(http: TestClient) -> None:
    assert http.get(f"{ROOT}/export/spans", params={"format": "csv"}).status_code == 400
    assert http.get(f"{ROOT}/export/spans", params={"limit": 0}).status_code == 400


class _Watcher:
    """Collects the events of one viewer."""

    def __init__(self, feed: LiveFeed, viewer: Viewer) -> None:
        self.events: list[tuple[str, Any]] = []
        self.task = asyncio.create_task(self._read(feed, viewer))

    async def _read(self, feed: LiveFeed, viewer: Viewer) -> None:
        async for chunk in feed.stream(viewer):
            lines = dict(line.split(": ", 1) for line in chunk.decode().strip().splitlines())
            if "event" in lines:
                self.events.append((lines["event"], json.loads(lines["data"])))

    async def wait_for_spans(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(20):
            while True:
                found = [span for name, data in self.events if name == "spans" for span in data]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.02)


def _feed(store: ColumnsClient, clock: ManualClock, **settings: Any) -> LiveFeed:
    return LiveFeed(store, clock, TracesSettings(live_poll_s=0.03, **settings))


def test_arrivals_reach_every_viewer_once(store: ColumnsClient, clock: ManualClock) -> None:
    async def watch() -> None:
        feed = _feed(store, clock)
        viewers = [feed.subscribe(PROJECT, ALL), feed.subscribe(PROJECT, ALL)]
        foreign = feed.subscribe(OTHER, ALL)
        watchers = [_Watcher(feed, v) for v in viewers]
        stranger = _Watcher(feed, foreign)
        for n in (1, 2):
            clock.advance(1)
            # The second arrives with an earlier time of receipt: rows become visible out of order.
            row = make_span(n, start_ns=NOW_NS - n * SECOND, received_ns=clock.now_ns() - (n - 1) * 2 * SECOND)
            await asyncio.to_thread(insert_rows, store, row)
            for watcher in watchers:
                await watcher.wait_for_spans(n)
        await asyncio.sleep(0.2)
        for watcher in watchers:
            spans = await watcher.wait_for_spans(2)
            assert [s["name"] for s in spans] == ["span 1", "span 2"]
            SpanSummary.model_validate(spans[0])
        assert [e for e in stranger.events if e[0] == "spans"] == []
        feed.close()
        async with asyncio.timeout(10):
            await asyncio.gather(*(w.task for w in (*watchers, stranger)))
        for viewer in (*viewers, foreign):
            feed.leave(viewer)
        with pytest.raises(RateLimitedError):
            feed.subscribe(PROJECT, ALL)

    asyncio.run(watch())


def test_a_viewer_sees_only_what_passes_its_filter(store: ColumnsClient, clock: ManualClock) -> None:
    async def watch() -> None:
        feed = _feed(store, clock)
        tools = parse_criteria(None, None, '[{"field":"metadata.team","op":"eq","value":"a"}]', "maple")
        narrowed, whole = feed.subscribe(PROJECT, tools), feed.subscribe(PROJECT, ALL)
        watchers = [_Watcher(feed, v) for v in (narrowed, whole)]
        clock.advance(1)
        received = {"start_ns": NOW_NS - SECOND, "received_ns": clock.now_ns()}
        rows = [
            make_span(1, metadata={"team": "a"}, input="a maple in Kyoto", **received),
            make_span(2, metadata={"team": "a"}, input="a cherry in Kyoto", **received),
            make_span(3, metadata={"team": "b"}, input="a maple in Kyoto", **received),
        ]
        await asyncio.to_thread(insert_rows, store, *rows)
        await watchers[1].wait_for_spans(3)
        assert [s["name"] for s in await watchers[0].wait_for_spans(1)] == ["span 1"]
        await asyncio.sleep(0.1)
        assert len(await watchers[0].wait_for_spans(1)) == 1
        feed.close()
        await asyncio.gather(*(w.task for w in watchers))
        for viewer in (narrowed, whole):
            feed.leave(viewer)

    asyncio.run(watch())


def test_a_wrong_live_filter_is_refused(http: TestClient) -> None:
    answer = http.get(f"{ROOT}/live", params={"filter": '[{"field":"nope","op":"eq","value":"x"}]'})
    assert answer.status_code == 400


def test_viewers_are_bounded_and_the_last_stops_the_poller(store: ColumnsClient, clock: ManualClock) -> None:
    async def watch() -> None:
        feed = _feed(store, clock, live_max_viewers=1)
        viewer = feed.subscribe(PROJECT, ALL)
        with pytest.raises(RateLimitedError):
            feed.subscribe(OTHER, ALL)
        feed.leave(viewer)
        again = feed.subscribe(OTHER, ALL)
        feed.leave(again)
        await asyncio.sleep(0)
        running = [t for t in asyncio.all_tasks() if t is not asyncio.current_task() and not t.cancelling()]
        assert running == []

    asyncio.run(watch())


def test_a_slow_viewer_loses_the_oldest_and_is_told() -> None:
    viewer = Viewer(Topic(PROJECT, ""))
    for n in range(MAX_WAITING + 3):
        viewer.offer([{"n": n}, {"n": n}])
    assert viewer.dropped == 6
    assert viewer.waiting[0] == [{"n": 3}, {"n": 3}]


def test_notices_are_listed(http: TestClient, store: ColumnsClient) -> None:
    rows = [
        {"project_id": p, "notice_id": f"ntc_{n}", "time": str(NOW_NS - n * SECOND), "kind": "rejected_spans",
         "count": n, "message": "no ids", "details": f'{{"reasons":{{"bad_span_id":{n}}}}}'}
        for n, p in enumerate([PROJECT, PROJECT, PROJECT, OTHER])
    ]  # fmt: skip
    store.insert_json_lines("ingest_notices", b"\n".join(json.dumps(r).encode() for r in rows))
    first = http.get(f"{ROOT}/ingest/notices", params={"limit": 2}).json()
    IngestNoticeList.model_validate(first)
    assert [i["id"] for i in first["items"]] == ["ntc_0", "ntc_1"]
    assert first["items"][1]["details"] == {"reasons": {"bad_span_id": 1}}
    rest = http.get(f"{ROOT}/ingest/notices", params={"cursor": first["next_cursor"]}).json()
    assert [i["id"] for i in rest["items"]] == ["ntc_2"]
