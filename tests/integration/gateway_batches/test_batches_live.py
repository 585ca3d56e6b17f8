"""The openai SDK's files and batches against a real server, on SQLite and PostgreSQL, with kill -9 in the middle."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, ConflictError, NotFoundError, OpenAI
from openai.types import Batch
from sqlalchemy import update

from batch_upstream import BatchUpstream
from kaname.gateway.batches.tables import batches
from kaname.storage.sql.database import Database
from live import LiveServer, request, start_live_server

OVER = {"completed", "failed", "expired", "cancelled"}


@pytest.fixture(scope="module")
def upstream() -> Iterator[BatchUpstream]:
    with BatchUpstream() as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, upstream: BatchUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    data_dir: Path = tmp_path_factory.mktemp("batches") / "data"
    data_dir.mkdir(mode=0o700)
    (data_dir / "gateway.yaml").write_text(
        f'providers: {{up: {{base_url: "http://127.0.0.1:{upstream.port}/v1", allow_private: true, '
        "keys: [{env: UP_KEY}]}}\nmodels: {m: {use: up/m}}\n"
    )
    sql_url = "" if request.param == "sqlite" else request.getfixturevalue("own_postgresql_url")
    environment = {"UP_KEY": "k", "KANAME_GATEWAY_BATCH_CONCURRENCY": "4"}
    running = start_live_server(data_dir, sql_url=sql_url, environment=environment)
    yield running
    running.stop()


@pytest.fixture
def client(server: LiveServer, upstream: BatchUpstream) -> OpenAI:
    upstream.open_to_all()
    return OpenAI(base_url=f"{server.url}/v1", api_key=server.secret_key, max_retries=0, timeout=30)


def line(custom_id: str, content: str = "hi", *, model: str = "m", url: str = "/v1/chat/completions") -> str:
    body = {"model": model, "messages": [{"role": "user", "content": content}]}
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": url, "body": body})


def upload(client: OpenAI, lines: list[str]) -> str:
    return client.files.create(file=("in.jsonl", "\n".join(lines).encode()), purpose="batch").id


def start(client: OpenAI, lines: list[str], **options: Any) -> Batch:
    return client.batches.create(
        input_file_id=upload(client, lines), endpoint="/v1/chat/completions", completion_window="24h", **options
    )


def wait(client: OpenAI, batch_id: str, is_it: Callable[[Batch], bool] = lambda b: b.status in OVER) -> Batch:
    deadline = time.monotonic() + 60
    while True:
        batch = client.batches.retrieve(batch_id)
        if is_it(batch):
            return batch
        assert time.monotonic() < deadline, batch
        time.sleep(0.1)


def lines_of(client: OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    assert file_id is not None
    return [json.loads(text) for text in client.files.content(file_id).text.splitlines()]


def test_a_batch_is_run_and_its_files_have_the_shape(client: OpenAI, server: LiveServer) -> None:
    batch = start(client, [line("a"), line("b", model="none"), line("c", "こんにちは")], metadata={"for": "test"})
    assert batch.status == "validating"
    done = wait(client, batch.id)
    assert (done.status, done.errors, done.metadata) == ("completed", None, {"for": "test"})
    assert done.request_counts is not None
    assert (done.request_counts.total, done.request_counts.completed, done.request_counts.failed) == (3, 2, 1)
    assert None not in (done.in_progress_at, done.finalizing_at, done.completed_at, done.expires_at)
    answers = lines_of(client, done.output_file_id)
    assert [answer["custom_id"] for answer in answers] == ["a", "c"]
    assert set(answers[0]) == {"id", "custom_id", "response", "error"}
    response = answers[0]["response"]
    assert (response["status_code"], response["body"]["object"]) == (200, "chat.completion")
    assert response["request_id"].startswith("req_")
    assert answers[1]["response"]["body"]["choices"][0]["message"]["content"] == "echo こんにちは"
    (failure,) = lines_of(client, done.error_file_id)
    assert (failure["custom_id"], failure["response"]["status_code"], failure["error"]) == ("b", 404, None)
    assert failure["response"]["body"]["error"]["code"] == "model_not_found"
    assert client.files.retrieve(str(done.output_file_id)).purpose == "batch_output"
    assert batch.id in [b.id for b in client.batches.list(limit=1)]
    spans = server.wait_for_spans(2)
    assert {"batch"} <= set(spans[0]["tags"])


def test_wrong_lines_fail_the_batch_and_are_told_by_line(client: OpenAI, upstream: BatchUpstream) -> None:
    before = upstream.count
    batch = start(client, [line("a"), "{nope", line("a"), line("d", url="/v1/embeddings"), '{"method": "POST"}'])
    failed = wait(client, batch.id)
    assert failed.status == "failed"
    assert failed.errors is not None
    assert [(e.code, e.line) for e in failed.errors.data or []] == [
        ("invalid_json_line", 2), ("duplicate_custom_id", 3), ("invalid_url", 4), ("missing_required_parameter", 5),
    ]  # fmt: skip
    assert upstream.count == before


def test_files_are_listed_read_and_deleted(client: OpenAI, server: LiveServer) -> None:
    content = "x".join(str(n) for n in range(1_500_000)).encode()  # more than one part
    file = client.files.create(file=("大.jsonl", content), purpose="batch")
    assert (file.bytes, file.filename, file.status) == (len(content), "大.jsonl", "processed")
    assert client.files.content(file.id).content == content
    other = client.files.create(file=("b.jsonl", b""), purpose="batch")
    page = client.files.list(limit=1, purpose="batch")
    assert [f.id for f in page.data] == [other.id]
    assert page.has_next_page()
    assert page.get_next_page().data[0].id == file.id
    blobs = server.data_dir / "blobs"
    before = sum(1 for p in blobs.rglob("*") if p.is_file())
    assert client.files.delete(file.id).deleted
    assert sum(1 for p in blobs.rglob("*") if p.is_file()) < before
    with pytest.raises(NotFoundError):
        client.files.retrieve(file.id)
    with pytest.raises(BadRequestError, match="purpose"):
        client.files.create(file=("b.txt", b"1"), purpose="fine-tune")
    with pytest.raises(NotFoundError):
        client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    with pytest.raises(BadRequestError, match="completion_window"):
        client.batches.create(
            input_file_id=other.id,
            endpoint="/v1/chat/completions",
            completion_window="soon",  # type: ignore[arg-type]
        )


def test_cancelling_stops_and_keeps_what_is_done(client: OpenAI, upstream: BatchUpstream) -> None:
    upstream.close_after(5)
    batch = start(client, [line(f"r{n}") for n in range(40)])
    wait(client, batch.id, lambda b: b.request_counts is not None and b.request_counts.completed == 5)
    with pytest.raises(ConflictError):
        client.files.delete(batch.input_file_id)
    assert client.batches.cancel(batch.id).status == "cancelling"
    over = wait(client, batch.id)
    assert over.status == "cancelled"
    assert over.cancelled_at is not None
    assert len(lines_of(client, over.output_file_id)) == 5
    with pytest.raises(ConflictError):
        client.batches.cancel(batch.id)


def test_killed_in_the_middle_it_goes_on_with_what_is_missing(
    client: OpenAI, server: LiveServer, upstream: BatchUpstream
) -> None:
    upstream.close_after(12)
    before = upstream.count
    batch = start(client, [line(f"k{n}") for n in range(40)])
    wait(client, batch.id, lambda b: b.request_counts is not None and b.request_counts.completed == 12)
    server.kill()
    upstream.open_to_all()
    server.restart()
    done = wait(client, batch.id)
    assert done.status == "completed"
    assert done.request_counts is not None
    assert (done.request_counts.completed, done.request_counts.failed) == (40, 0)
    assert [answer["custom_id"] for answer in lines_of(client, done.output_file_id)] == [f"k{n}" for n in range(40)]
    assert upstream.count - before <= 40 + 4  # only what was under way is asked twice


def test_it_waits_as_long_as_its_own_limits_say(client: OpenAI, server: LiveServer) -> None:
    created = server.call("POST", server.project_path("keys"), {"name": "slow"}).json()
    path = server.project_path(f"gateway/keys/{created['id']}/policy")
    answer = server.call("PUT", path, {"max_concurrency": 1})
    assert answer.status == 200, answer.body
    slow = OpenAI(base_url=f"{server.url}/v1", api_key=created["secret_key"], max_retries=0, timeout=30)
    done = wait(slow, start(slow, [line(f"s{n}") for n in range(6)]).id)
    assert done.request_counts is not None
    assert (done.status, done.request_counts.completed) == ("completed", 6)


def test_a_revoked_key_ends_its_batches(client: OpenAI, server: LiveServer, upstream: BatchUpstream) -> None:
    created = server.call("POST", server.project_path("keys"), {"name": "gone"}).json()
    own = OpenAI(base_url=f"{server.url}/v1", api_key=created["secret_key"], max_retries=0, timeout=30)
    upstream.close_after(2)
    batch = start(own, [line(f"g{n}") for n in range(8)])
    wait(client, batch.id, lambda b: b.request_counts is not None and b.request_counts.completed == 2)
    assert server.call("DELETE", server.project_path(f"keys/{created['id']}")).status in (200, 204)
    over = wait(client, batch.id)
    assert over.status == "cancelled"
    assert {e["error"]["code"] for e in lines_of(client, over.error_file_id)} == {"key_revoked"}


def test_only_a_key_of_the_project_sees_them(server: LiveServer, client: OpenAI) -> None:
    file_id = upload(client, [line("a")])
    assert request("GET", f"{server.url}/v1/files/{file_id}").status == 401
    answer = server.with_key("PUT", f"/v1/files/{file_id}")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, DELETE")
    assert server.with_key("GET", "/v1/files/file_nope").json()["error"]["code"] == "file_not_found"
    assert server.with_key("GET", f"/v1/files/{file_id}/nope").status == 404


def test_what_is_left_at_the_end_of_the_window_is_told(
    client: OpenAI, server: LiveServer, upstream: BatchUpstream
) -> None:
    upstream.close_after(3)
    batch = start(client, [line(f"e{n}") for n in range(9)])
    wait(client, batch.id, lambda b: b.request_counts is not None and b.request_counts.completed == 3)
    database = Database(server.environment["KANAME_SQL_URL"] or f"sqlite:///{server.data_dir / 'kaname.db'}")
    with database.write() as connection:
        connection.execute(update(batches).where(batches.c.id == batch.id).values(expires_at=batches.c.created_at))
    database.close()
    server.kill()  # its process knows the old end
    server.restart()
    over = wait(client, batch.id)
    assert over.status == "expired"
    assert len(lines_of(client, over.output_file_id)) == 3
    errors = lines_of(client, over.error_file_id)
    assert [e["error"]["code"] for e in errors] == ["batch_expired"] * 6
    assert all(e["response"] is None for e in errors)
