"""One trace: skeleton, detail, payloads, transcript; and lists of traces, sessions and end users."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fastapi.testclient import TestClient

from kaname.kernel.clock import from_ns
from kaname.storage.columns import ColumnsClient
from kaname.traces.routes_model import (
    EndUser,
    EndUserList,
    SessionDetail,
    SessionList,
    SpanDetail,
    TraceList,
    TraceSkeleton,
    Transcript,
)
from traces_rows import NOW_NS, OTHER, PROJECT, SECOND, make_score, make_span, span_id, trace_id

Insert = Callable[..., None]
ROOT = f"/api/v1/projects/{PROJECT}"
TRACE = f"{ROOT}/traces/{trace_id(1)}"
HOUR = 3600 * SECOND


def get(http: TestClient, path: str, **params: Any) -> Any:
    answer = http.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def messages(*said: tuple[str, str]) -> str:
    return json.dumps([{"role": r, "parts": [{"type": "text", "content": c}]} for r, c in said])


def test_skeleton_is_the_tree_in_columns(http: TestClient, insert: Insert) -> None:
    insert(
        make_span(9, name="root", kind="agent", duration_ns=9 * SECOND, session_id="s", user_id="u"),
        make_span(8, parent=9, name="chat", kind="llm", model="m", input_tokens=3, output_tokens=4,
                  cost_usd=Decimal("0.1"), status="ok"),
        make_span(7, parent=9, name="tool", kind="tool", status="error", level="error"),
        make_span(6, parent=8, name="chat", kind="llm", model="m", cost_usd=Decimal("0.2")),
        make_span(5, parent=77, name="orphan"),
        make_score(1),
        make_score(2, target="span", span_id=span_id(8)),
    )  # fmt: skip
    found = get(http, TRACE)
    TraceSkeleton.model_validate(found)
    columns = found["columns"]
    assert [int(s, 16) for s in columns["span_id"]] == [9, 8, 6, 7, 77, 5]
    assert columns["parent_index"] == [-1, 0, 1, 0, -1, 4]
    assert columns["depth"] == [0, 1, 2, 1, 0, 1]
    assert [found["names"][i] for i in columns["name_index"]] == ["root", "chat", "chat", "tool", "", "orphan"]
    assert [found["kinds"][k] for k in columns["kind"]] == ["agent", "llm", "llm", "tool", "span", "span"]
    assert columns["start_us"] == [0, 1_000_000, 3_000_000, 2_000_000, 4_000_000, 4_000_000]
    assert columns["status"] == [0, 1, 0, 2, 0, 0]
    assert columns["missing"] == [0, 0, 0, 0, 1, 0]
    assert [found["models"][i] for i in columns["model_index"]] == ["", "m", "m", "", "", ""]
    assert (found["span_count"], found["error_count"], found["missing_parents"]) == (5, 1, 1)
    assert (found["cost_usd"], found["total_tokens"], found["duration_ms"]) == ("0.3", 7, 9000.0)
    assert (found["session_id"], found["user_id"]) == ("s", "u")
    assert len(found["scores"]) == 2


def test_a_time_hint_narrows_and_a_wrong_one_does_no_harm(http: TestClient, insert: Insert) -> None:
    insert(make_span(1))
    for at in (from_ns(NOW_NS).isoformat(), "2020-01-01T00:00:00Z"):
        assert get(http, TRACE, at=at)["span_count"] == 1
        assert get(http, f"{TRACE}/spans/{span_id(1)}", at=at)["name"] == "span 1"
        assert get(http, f"{TRACE}/transcript", at=at)["turns"] == []


def test_detail_is_complete(http: TestClient, insert: Insert, store: ColumnsClient) -> None:
    insert(
        make_span(
            1,
            kind="llm",
            duration_ns=1_500_000,
            model_parameters='{"temperature":0.2}',
            usage={"input_uncached": 3},
            cost={"output_text": Decimal("0.000001")},
            cost_usd=Decimal("0.000001"),
            metadata={"k": "v"},
            input=messages(("user", "hi")),
            input_format="messages",
            output="plain",
            output_format="text",
            attributes='{"a":{"b":1}}',
            events='[{"name":"exception","time_ns":1700000000000000000,"attributes":{"x":1},"body":null}]',
            links='[{"trace_id":"t","span_id":"s","trace_state":"","attributes":{}}]',
            resource='{"service.name":"x"}',
            documents='[{"id":"d","score":0.5,"content":"text","metadata":{}}]',
        ),
        make_score(1),
        make_score(2, target="span", span_id=span_id(1), name="own"),
        make_score(3, target="span", span_id=span_id(2), name="another's"),
    )
    store.insert_json_lines(
        "log_records",
        b'{"project_id":"prj_ours","trace_id":"%s","span_id":"%s","time":"1700000000000000000","record_id":"r1",'
        b'"event_name":"gen_ai.choice","body":"{\\"index\\":0}","attributes":"{}"}'
        % (trace_id(1).encode(), span_id(1).encode()),
    )
    found = get(http, f"{TRACE}/spans/{span_id(1)}")
    SpanDetail.model_validate(found)
    assert found["input_messages"] == [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    assert found["output_messages"] is None
    assert found["output"] == {"format": "text", "text": "plain", "truncated": False, "bytes": 5}
    assert found["model_parameters"] == {"temperature": 0.2}
    assert found["cost"] == {"output_text": "0.000001"}
    assert found["attributes"] == {"a": {"b": 1}}
    assert found["events"][0]["time"] == "2023-11-14T22:13:20.000000Z"
    assert found["links"] == [{"trace_id": "t", "span_id": "s", "attributes": {}}]
    assert found["documents"][0]["score"] == 0.5
    assert found["log_records"][0]["body"] == {"index": 0}
    assert {s["name"] for s in found["scores"]} == {"quality", "own"}
    assert found["cut_fields"] == []


def test_log_records_that_were_merged_are_not_shown_twice(
    http: TestClient, insert: Insert, store: ColumnsClient
) -> None:
    insert(make_span(1, flags=["log_content"]))
    store.insert_json_lines(
        "log_records",
        b'{"project_id":"prj_ours","trace_id":"%s","span_id":"%s","time":"1700000000000000000","record_id":"r"}'
        % (trace_id(1).encode(), span_id(1).encode()),
    )
    assert get(http, f"{TRACE}/spans/{span_id(1)}")["log_records"] == []


def test_a_long_field_is_cut_and_downloads_whole(http: TestClient, insert: Insert) -> None:
    long = "日本" * (1_100_000)
    insert(make_span(1, input=long, input_format="text", attributes=json.dumps({"a": "x" * (3 << 20)})))
    found = get(http, f"{TRACE}/spans/{span_id(1)}")
    assert found["input"]["truncated"]
    assert found["input"]["bytes"] == len(long.encode())
    assert long.startswith(found["input"]["text"])
    assert found["attributes"] == {}
    assert found["cut_fields"] == ["attributes"]
    answer = http.get(f"{TRACE}/spans/{span_id(1)}/payload/input")
    assert answer.text == long
    assert answer.headers["content-disposition"] == f'attachment; filename="{span_id(1)}-input.txt"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert http.get(f"{TRACE}/spans/{span_id(1)}/payload/attributes").json()["a"] == "x" * (3 << 20)


def test_a_spilled_value_comes_from_the_blob_store(http: TestClient, insert: Insert, blobs: Any) -> None:
    digest = "sha256" + "0" * 58
    blobs.values[digest] = b'["whole"]'
    insert(make_span(1, input='["who', input_format="messages", input_blob=digest))
    found = get(http, f"{TRACE}/spans/{span_id(1)}")
    assert found["input"]["truncated"]
    assert http.get(f"{TRACE}/spans/{span_id(1)}/payload/input").content == b'["whole"]'


def test_a_blob_can_be_read_only_where_a_span_refers_to_it(http: TestClient, insert: Insert, blobs: Any) -> None:
    mine, foreign = "a" * 64, "b" * 64
    blobs.values |= {mine: b"picture", foreign: b"secret"}
    insert(make_span(1, attributes=json.dumps({"image": f"kaname-blob://{mine}?mime=image/png"})))
    assert http.get(f"{TRACE}/spans/{span_id(1)}/blobs/{mine}").content == b"picture"
    assert http.get(f"{TRACE}/spans/{span_id(1)}/blobs/{foreign}").status_code == 404


def test_transcript_shows_each_message_once(http: TestClient, insert: Insert) -> None:
    insert(
        make_span(9, kind="agent"),
        make_span(8, parent=9, kind="llm", input_format="messages", input=messages(("user", "a")),
                  output_format="messages", output=messages(("assistant", "A"))),
        make_span(7, parent=9, kind="llm", input_format="messages",
                  input=messages(("user", "a"), ("assistant", "A"), ("user", "b")),
                  output_format="messages", output=messages(("assistant", "B"))),
    )  # fmt: skip
    found = get(http, f"{TRACE}/transcript")
    Transcript.model_validate(found)
    assert [t["parts"][0]["content"] for t in found["turns"]] == ["a", "A", "b", "B"]
    whole = get(http, f"{TRACE}/transcript", history=True)
    assert [t["is_new"] for t in whole["turns"]] == [True, True, False, False, True, True]


def test_transcript_without_generations_is_the_root(http: TestClient, insert: Insert) -> None:
    insert(make_span(1, input="question", input_format="text", output="answer", output_format="text"))
    turns = get(http, f"{TRACE}/transcript")["turns"]
    assert [(t["role"], t["parts"][0]["content"]) for t in turns] == [("user", "question"), ("assistant", "answer")]


def test_traces_are_summed_up(http: TestClient, insert: Insert) -> None:
    insert(
        make_span(9, name="root", duration_ns=8 * SECOND, input_preview="in", output_preview="out", environment="prod"),
        make_span(8, parent=9, kind="llm", input_tokens=2, output_tokens=3, cost_usd=Decimal("0.5"), user_id="u"),
        make_span(7, parent=9, status="error"),
        make_span(20, trace=2, parent=99, name="headless"),
        make_score(1),
    )
    found = get(http, f"{ROOT}/traces")
    TraceList.model_validate(found)
    first, second = found["items"]
    assert (first["name"], first["span_count"], first["error_count"], first["llm_count"]) == ("root", 3, 1, 1)
    assert (first["total_tokens"], first["cost_usd"], first["duration_ms"]) == (5, "0.5", 8000.0)
    assert (first["input_preview"], first["environment"], first["user_id"]) == ("in", "prod", "u")
    assert first["scores"][0]["value"] == 1.0
    assert (second["name"], second["trace_id"]) == ("headless", trace_id(2))
    only = get(http, f"{ROOT}/traces", filter='[{"field":"status","op":"eq","value":"error"}]')
    assert [(t["trace_id"], t["span_count"]) for t in only["items"]] == [(trace_id(1), 3)]


def test_groups_are_paged_without_repeats(http: TestClient, insert: Insert) -> None:
    """Interleaved traces, with new spans of old traces arriving between pages."""
    insert(
        *(
            make_span(n, trace=n % 23, session_id=f"s{n % 23}", user_id=f"u{n % 23}", start_ns=NOW_NS - n * HOUR // 4)
            for n in range(69)
        )
    )
    for path, key in (("traces", "trace_id"), ("sessions", "session_id"), ("users", "user_id")):
        seen: list[str] = []
        params: dict[str, Any] = {"limit": 5}
        while True:
            page = get(http, f"{ROOT}/{path}", **params)
            seen += [i[key] for i in page["items"]]
            if page["next_cursor"] is None:
                break
            params["cursor"] = page["next_cursor"]
            insert(make_span(500 + len(seen), trace=0, session_id="s0", user_id="u0", start_ns=NOW_NS + len(seen)))
        assert len(seen) == 23, path
        assert len(set(seen)) == 23, path


def test_a_cursor_of_another_list_is_refused(http: TestClient, insert: Insert) -> None:
    insert(*(make_span(n, trace=n, session_id=f"s{n}") for n in range(3)))
    cursor = get(http, f"{ROOT}/traces", limit=1)["next_cursor"]
    assert http.get(f"{ROOT}/sessions", params={"cursor": cursor}).status_code == 400


def test_sessions_and_end_users(http: TestClient, insert: Insert) -> None:
    insert(
        make_span(30, trace=1, session_id="a/b c", user_id="u@x", input_preview="first", input="first",
                  input_format="text"),
        make_span(20, trace=2, session_id="a/b c", user_id="u@x", status="error", cost_usd=Decimal("0.25")),
        make_span(10, trace=3, session_id="other", user_id="u@x"),
        make_span(5, trace=4),
        make_span(5, trace=9, project=OTHER, session_id="a/b c", user_id="u@x"),
        make_score(1, target="session", trace_id="", session_id="a/b c"),
    )  # fmt: skip
    found = get(http, f"{ROOT}/sessions")
    SessionList.model_validate(found)
    assert [(s["session_id"], s["trace_count"], s["span_count"]) for s in found["items"]] == [
        ("other", 1, 1),
        ("a/b c", 2, 2),
    ]
    detail = get(http, f"{ROOT}/sessions/a%2Fb%20c")
    SessionDetail.model_validate(detail)
    assert [t["trace_id"] for t in detail["traces"]] == [trace_id(1), trace_id(2)]
    assert (detail["error_count"], detail["cost_usd"], detail["input_preview"]) == (1, "0.25", "first")
    assert [t["parts"][0]["content"] for t in detail["turns"]] == ["first"]
    assert len(detail["scores"]) == 1
    users = get(http, f"{ROOT}/users")
    EndUserList.model_validate(users)
    assert [(u["user_id"], u["trace_count"], u["session_count"]) for u in users["items"]] == [("u@x", 3, 2)]
    EndUser.model_validate(get(http, f"{ROOT}/users/u%40x"))
