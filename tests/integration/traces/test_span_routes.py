"""Lists, facets and histograms of spans over HTTP on the real engine."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from fastapi.testclient import TestClient

from kaname.traces.model import SpanRow
from kaname.traces.routes_model import FacetList, FilterFieldList, Histogram, SpanList
from traces_rows import NOW_NS, OTHER, PROJECT, SECOND, make_score, make_span, span_id, trace_id

Insert = Callable[..., None]
ROOT = f"/api/v1/projects/{PROJECT}"
DAY = 86_400 * SECOND


def get(http: TestClient, path: str, **params: Any) -> Any:
    if "filter" in params:
        params["filter"] = json.dumps(params["filter"])
    answer = http.get(ROOT + path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def spans(http: TestClient, **params: Any) -> list[str]:
    found = get(http, "/spans", **params)
    SpanList.model_validate(found)
    return [i["name"] for i in found["items"]]


def where(field: str, op: str, value: object) -> dict[str, object]:
    return {"field": field, "op": op, "value": value}


def test_newest_first_and_complete(http: TestClient, insert: Insert) -> None:
    insert(
        make_span(
            1,
            kind="llm",
            status="error",
            level="error",
            model="gpt-5.2",
            provider="openai",
            tags=["b", "a"],
            input_tokens=10,
            output_tokens=5,
            cost_usd=Decimal("0.000000000123"),
            cost_source="computed",
            time_to_first_token_ns=1_500_000,
            flags=["incomplete"],
            start_ns=NOW_NS - 1,
        ),
        make_span(2, parent=1),
    )
    found = get(http, "/spans")
    SpanList.model_validate(found)
    first, second = found["items"]
    assert (first["name"], second["name"]) == ("span 1", "span 2")
    assert first["cost_usd"] == "0.000000000123"
    assert first["total_tokens"] == 15
    assert first["time_to_first_token_ms"] == 1.5
    assert first["start_time"] == "2026-11-24T11:59:59.999999Z"
    assert first["tags"] == ["b", "a"]
    assert (first["is_root"], second["is_root"]) == (True, False)
    assert second["cost_usd"] is None
    assert found["next_cursor"] is None


@pytest.mark.parametrize("order", ["start_time", "duration", "cost", "total_tokens"])
@pytest.mark.parametrize("direction", ["desc", "asc"])
def test_pages_are_complete_and_stable_while_spans_arrive(
    http: TestClient, insert: Insert, order: str, direction: str
) -> None:
    """Ties everywhere, and each page is followed by new rows at both ends."""
    insert(
        *(
            make_span(
                n,
                trace=n % 3,
                start_ns=NOW_NS - (n // 4) * 40 * 3600 * SECOND,
                duration_ns=(n % 5) * SECOND,
                input_tokens=n % 4,
                cost_usd=None if n % 3 == 0 else Decimal(n % 4) / 1000,
            )
            for n in range(60)
        )
    )
    seen: list[str] = []
    params: dict[str, Any] = {"order": order, "dir": direction, "limit": 7}
    while True:
        page = get(http, "/spans", **params)
        seen += [i["span_id"] for i in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
        newest = NOW_NS + len(seen) * SECOND
        big = {"duration_ns": 10**15, "input_tokens": 10**9, "cost_usd": Decimal(99)}
        insert(make_span(1000 + len(seen), start_ns=newest, **(big if direction == "desc" else {"duration_ns": 0})))
        assert len(seen) < 200
    old = [s for s in seen if int(s, 16) < 1000]
    assert sorted(old) == sorted(span_id(n) for n in range(60))
    assert len(seen) == len(set(seen))


def test_a_cursor_of_another_order_is_refused(http: TestClient, insert: Insert) -> None:
    insert(*(make_span(n) for n in range(5)))
    cursor = get(http, "/spans", limit=2)["next_cursor"]
    answer = http.get(f"{ROOT}/spans", params={"cursor": cursor, "order": "cost"})
    assert answer.status_code == 400
    assert answer.json()["param"] == "cursor"


def test_time_range_is_half_open(http: TestClient, insert: Insert) -> None:
    insert(*(make_span(n) for n in range(4)))
    assert spans(http, **{"from": "2026-11-24T11:59:58Z", "to": "2026-11-24T20:59:59+09:00"}) == ["span 2"]


def test_old_spans_are_found_behind_the_windows(http: TestClient, insert: Insert) -> None:
    insert(*(make_span(n, start_ns=NOW_NS - n * 50 * DAY) for n in range(5)))
    assert spans(http) == [f"span {n}" for n in range(5)]
    assert spans(http, limit=2) == ["span 0", "span 1"]


def test_spans_ahead_of_our_clock_are_shown(http: TestClient, insert: Insert) -> None:
    insert(make_span(1, start_ns=NOW_NS + DAY))
    assert spans(http) == ["span 1"]


FILTERS: list[tuple[list[dict[str, object]], set[int]]] = [
    ([where("kind", "eq", "llm")], {1, 3}),
    ([where("kind", "not_in", ["llm", "tool"])], {2, 4}),
    ([where("model", "exists", True)], {1, 3}),
    ([where("model", "contains", "GPT")], {1, 3}),
    ([where("model", "in", ["gpt-5.2", "x"])], {1}),
    ([where("name", "contains", "%")], {4}),
    ([where("name", "eq", "50% 'off' \\ \t\n日本")], {4}),
    ([where("name", "in", ["50% 'off' \\ \t\n日本", "x"])], {4}),
    ([where("duration_ms", "gt", 100)], {2, 3}),
    ([where("duration_ms", "in", [100, 300])], {1, 3}),
    ([where("duration_ms", "not_in", [100])], {2, 3, 4}),
    ([where("cost_usd", "gte", 0.001)], {1}),
    ([where("cost_usd", "ne", 0.001)], {2, 3, 4}),
    ([where("cost_usd", "exists", False)], {2, 4}),
    ([where("time_to_first_token_ms", "lte", 1.5)], {1}),
    ([where("total_tokens", "eq", 15)], {1}),
    ([where("tags", "eq", "beta")], {1, 2}),
    ([where("tags", "ne", "beta")], {3, 4}),
    ([where("tags", "in", ["ja", "x"])], {2}),
    ([where("tags", "exists", False)], {3, 4}),
    ([where("flags", "contains", "incomplete")], {3}),
    ([where("metadata.region", "eq", "tokyo")], {1}),
    ([where("metadata.region", "exists", True)], {1, 2}),
    ([where("metadata.re'gion", "exists", False)], {1, 2, 3, 4}),
    ([where("is_root", "eq", True)], {1, 2}),
    ([where("is_root", "ne", True)], {3, 4}),
    ([where("kind", "eq", "llm"), where("duration_ms", "lt", 200)], {1}),
    ([where("score.quality", "gte", 0.5)], {1, 3}),
    ([where("score.quality", "lt", 0.5)], {2}),
    ([where("score.verdict", "eq", "good")], {3}),
    ([where("score.verdict", "exists", False)], {1, 2, 4}),
    ([where("score.quality", "ne", 0.9)], {2, 3, 4}),
    ([where("score.deleted", "exists", True)], set()),
]


@pytest.fixture
def filtered(insert: Insert) -> None:
    ms = 1_000_000
    insert(
        make_span(
            1, kind="llm", model="gpt-5.2", duration_ns=100 * ms, cost_usd=Decimal("0.001"), input_tokens=10,
            output_tokens=5, tags=["beta"], metadata={"region": "tokyo"}, time_to_first_token_ns=1_500_000,
        ),
        make_span(2, trace=2, kind="agent", duration_ns=200 * ms, tags=["beta", "ja"], metadata={"region": "osaka"}),
        make_span(
            3, trace=2, parent=2, kind="llm", model="gpt-5.2-mini", duration_ns=300 * ms, cost_usd=Decimal("0.0005"),
            flags=["incomplete"],
        ),
        make_span(4, trace=2, parent=2, name="50% 'off' \\ \t\n日本", duration_ns=1),
        make_span(9, project=OTHER, kind="llm", model="gpt-5.2", tags=["beta"]),
        make_score(1, value=0.9, trace_id=trace_id(1)),
        make_score(2, value=0.1, trace_id=trace_id(2)),
        make_score(3, value=0.6, target="span", trace_id=trace_id(2), span_id=span_id(3)),
        make_score(4, name="verdict", data_type="categorical", value=None, label="good", target="span",
                   trace_id=trace_id(2), span_id=span_id(3)),
        make_score(5, name="deleted"),
        make_score(5, name="deleted", is_deleted=1, row_version=2),
        make_score(6, project_id=OTHER, value=0.9, trace_id=trace_id(2)),
    )  # fmt: skip


@pytest.mark.usefixtures("filtered")
def test_every_kind_of_filter_finds_what_it_should(http: TestClient) -> None:
    for clauses, expected in FILTERS:
        found = get(http, "/spans", filter=clauses)
        assert {int(i["span_id"], 16) for i in found["items"]} == expected, clauses


@pytest.mark.usefixtures("filtered")
def test_scores_are_shown_on_their_spans_and_roots(http: TestClient) -> None:
    items = {int(i["span_id"], 16): i["scores"] for i in get(http, "/spans")["items"]}
    assert items[1] == [{"name": "quality", "value": 0.9, "label": None, "source": "human"}]
    assert [(s["name"], s["label"]) for s in items[3]] == [("verdict", "good"), ("quality", None)]
    assert [s["value"] for s in items[2]] == [0.1]
    assert items[4] == []


def _texts(n: int, text: str, **fields: object) -> SpanRow:
    content = json.dumps(
        [{"role": "user", "parts": [{"type": "text", "content": text}]}], ensure_ascii=False, separators=(",", ":")
    )
    return make_span(n, input=content, input_format="messages", **fields)


def test_search_finds_words_in_any_language(http: TestClient, insert: Insert) -> None:
    insert(
        _texts(1, "first line\nsecond C:\\new folder"),
        _texts(2, "Pythonで書いた関数", search_cjk=["で書", "書い", "いた", "た関", "関数"]),
        _texts(3, "東京タワー", search_cjk=["東京", "京タ", "タワ", "ワー"]),
        _texts(4, "un café à Paris, ＰＤＦ形式", search_cjk=["形式"]),
        _texts(5, "plain", status_message="upstream timed out", name="refund-order"),
        make_span(6, output='{"answer":"nested"}', output_format="json", documents='[{"content":"retrieved"}]'),
        make_span(7, project=OTHER, input="second python café", input_format="text"),
    )
    expected = {
        "SECOND": [1], "line second": [1], "new": [1], "nnew": [], "python": [2], "関数": [2], "python 関数": [2],
        "東京": [3], "京": [3], "京都": [], "café": [4], "CAFÉ": [4], "pdf": [4], "ｐｄｆ": [4], "timed out": [5],
        "refund order": [5], "nested": [6], "retrieved": [6], "role": [], "parts": [], "xyz": [],
        trace_id(1): [1, 2, 3, 4, 5, 6], span_id(3): [3],
    }  # fmt: skip
    for query, numbers in expected.items():
        found = [int(i["span_id"], 16) for i in get(http, "/spans", q=query)["items"]]
        assert found == numbers, query


def test_facets_count_exactly_and_ignore_their_own_filter(http: TestClient, insert: Insert) -> None:
    insert(
        *(make_span(n, kind="llm" if n % 2 else "tool", model=f"m{n % 3}", tags=["t"] * (n % 2)) for n in range(12)),
        make_span(99, project=OTHER, kind="llm", model="m0"),
    )
    found = get(http, "/spans/facets", fields="kind,model,tags,is_root,metadata.none")
    FacetList.model_validate(found)
    assert found["total"] == 12
    by_field = {f["field"]: {v["value"]: v["count"] for v in f["values"]} for f in found["facets"]}
    assert by_field == {
        "kind": {"llm": 6, "tool": 6},
        "model": {"m0": 4, "m1": 4, "m2": 4},
        "tags": {"t": 6},
        "is_root": {"true": 12},
        "metadata.none": {},
    }
    filtered = get(http, "/spans/facets", fields="kind,model", filter=[where("model", "eq", "m1")])
    by_field = {f["field"]: {v["value"]: v["count"] for v in f["values"]} for f in filtered["facets"]}
    assert filtered["total"] == 4
    assert by_field == {"kind": {"llm": 2, "tool": 2}, "model": {"m0": 4, "m1": 4, "m2": 4}}


def test_a_facet_with_many_values_says_so(http: TestClient, insert: Insert) -> None:
    insert(*(make_span(n, user_id=f"u{n % 60}") for n in range(120)))
    (facet,) = get(http, "/spans/facets", fields="user_id")["facets"]
    assert len(facet["values"]) == 50
    assert facet["truncated"]


def test_the_default_facets(http: TestClient) -> None:
    found = get(http, "/spans/facets")
    assert found["total"] == 0
    assert [f["field"] for f in found["facets"]] == [
        "kind", "status", "level", "model", "provider", "environment", "service_name",
    ]  # fmt: skip


def test_histogram_has_no_gaps_and_sums_up(http: TestClient, insert: Insert) -> None:
    insert(*(make_span(n * 10, status="error" if n == 3 else "ok", cost_usd=Decimal("0.1")) for n in range(10)))
    found = get(http, "/spans/histogram", buckets=20)
    Histogram.model_validate(found)
    assert len(found["buckets"]) <= 20
    assert sum(b["count"] for b in found["buckets"]) == 10
    assert sum(b["errors"] for b in found["buckets"]) == 1
    assert sum(Decimal(b["cost_usd"] or 0) for b in found["buckets"]) == Decimal("1.0")
    ranged = get(http, "/spans/histogram", **{"from": "2026-11-24T11:00:00Z", "to": "2026-11-24T12:00:00Z"}, buckets=60)
    assert ranged["interval_ms"] == 120_000
    assert len(ranged["buckets"]) == 30
    assert get(http, "/spans/histogram", q="nothing")["buckets"] == []


def test_fields_are_listed_for_completion(http: TestClient) -> None:
    found = get(http, "/spans/fields")
    FilterFieldList.model_validate(found)
    names = [f["name"] for f in found["items"]]
    assert "metadata.<key>" in names
    assert "score.<name>" in names


def test_an_empty_project_has_nothing(http: TestClient) -> None:
    assert get(http, "/spans") == {"items": [], "next_cursor": None}
    assert get(http, "/spans/histogram")["buckets"] == []
