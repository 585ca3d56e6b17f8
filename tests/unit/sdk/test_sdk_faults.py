"""Whatever goes wrong in the SDK, the application doesn't notice; and nothing unmasked leaves."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kaname_sdk
from kaname_sdk import observe, span
from kaname_sdk.encode import MASK_FAILED, encode
from kaname_sdk.faults import faults

SDK = Path(kaname_sdk.__file__).parents[1]


def run_script(body: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", body],
        env={"PYTHONPATH": str(SDK), "PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_configuration_nothing_is_recorded_and_one_line_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    @observe
    def f() -> int:
        return kaname_sdk.score("x", 1) is None

    with caplog.at_level(logging.WARNING, "kaname_sdk"):
        assert f()
        assert f()
    assert len([r for r in caplog.records if "KANAME_URL" in r.message]) == 1


def test_server_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KANAME_URL", "http://127.0.0.1:1")
    kaname_sdk.instrument()

    @observe
    def f(x: int) -> int:
        kaname_sdk.score("good", True)
        return x

    assert [f(i) for i in range(100)] == list(range(100))


def test_a_process_ends_promptly_when_the_server_is_down() -> None:
    script = """
import kaname_sdk
@kaname_sdk.observe
def f(): return 1
assert f() == 1
kaname_sdk.score("a", 1, trace_id="0" * 31 + "1")
"""
    done = run_script(script, KANAME_URL="http://127.0.0.1:1", KANAME_SECRET_KEY="k")
    assert done.returncode == 0, done.stderr


def test_spans_of_a_short_script_arrive_without_flush(upstream: Any) -> None:
    script = "import kaname_sdk\n@kaname_sdk.observe\ndef f(): return 1\nf()"
    upstream.answer("POST", "/v1/traces", {})
    done = run_script(script, KANAME_URL=upstream.url, KANAME_SECRET_KEY="kn-sk-test")
    assert done.returncode == 0, done.stderr
    _, _, headers, body = upstream.requests[0]
    assert headers["authorization"] == "Bearer kn-sk-test"
    assert b"output.value" in body


def test_standard_variables_are_enough(upstream: Any) -> None:
    upstream.answer("POST", "/otlp/v1/traces", {})
    done = run_script(
        "import kaname_sdk\nwith kaname_sdk.span('x'): pass",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"{upstream.url}/otlp",
        OTEL_EXPORTER_OTLP_HEADERS="x-team=blue",
        OTEL_SERVICE_NAME="checkout",
    )
    assert done.returncode == 0, done.stderr
    _, _, headers, body = upstream.requests[0]
    assert headers["x-team"] == "blue"
    assert b"checkout" in body


def test_an_existing_provider_is_extended_not_replaced(upstream: Any) -> None:
    upstream.answer("POST", "/v1/traces", {})
    script = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
provider = TracerProvider()
trace.set_tracer_provider(provider)
import kaname_sdk
kaname_sdk.instrument()
assert trace.get_tracer_provider() is provider
with kaname_sdk.session("s-9"):
    with trace.get_tracer("somebody").start_as_current_span("theirs"):
        with kaname_sdk.span("ours"):
            pass
kaname_sdk.flush()
"""
    done = run_script(script, KANAME_URL=upstream.url)
    assert done.returncode == 0, done.stderr
    sent = b"".join(body for *_, body in upstream.requests)
    assert b"theirs" in sent
    assert sent.count(b"s-9") == 2


def test_mask_sees_every_string(record: Any) -> None:
    recorded = record(mask=lambda text: text.replace("hunter2", "***"))

    @observe
    def login(request: dict[str, Any]) -> list[str]:
        raise ValueError("bad password hunter2")

    with pytest.raises(ValueError, match="hunter2"):
        login({"deep": [{"password": "hunter2"}], "n": 1})
    with span("s", input="hunter2") as step:
        step.set_output(["hunter2"])
    for recorded_span in recorded.all():
        assert "hunter2" not in recorded_span.to_json()
        assert "***" in recorded_span.attributes["input.value"]
    assert recorded.attributes("s")["output.value"] == '["***"]'
    assert "***" in recorded.one("login").status.description


def test_a_failing_mask_hides_instead_of_leaking(record: Any, caplog: pytest.LogCaptureFixture) -> None:
    def broken(text: str) -> str:
        raise RuntimeError(f"no {len(text)}")

    recorded = record(mask=broken)

    @observe
    def f(secret: str) -> str:
        return secret

    with caplog.at_level(logging.WARNING, "kaname_sdk"):
        assert f("hunter2") == "hunter2"
        assert f("hunter2") == "hunter2"
    for recorded_span in recorded.all():
        assert "hunter2" not in recorded_span.to_json()
        assert recorded_span.attributes["output.value"] == MASK_FAILED
    assert len([r for r in caplog.records if "mask" in r.message]) == 1


def test_a_mask_that_returns_nonsense(record: Any) -> None:
    recorded = record(mask=lambda text: None)
    with span("s", input="hunter2"):
        pass
    assert recorded.attributes()["input.value"] == MASK_FAILED


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Bomb:
    def model_dump(self) -> dict[str, Any]:
        raise RuntimeError("no dump")


def cyclic() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [
        Hostile(),
        Bomb(),
        cyclic(),
        {1: {2: object()}},
        float("nan"),
        10**5000,
        b"\0" * 10,
        {"a"},
        "\ud800",
        ["\udfff"],
        lambda: 1,
        iter([]),
    ],
    ids=lambda v: type(v).__name__,
)
def test_unserialisable_arguments(recorded: Any, value: object) -> None:
    @observe
    def f(x: object) -> object:
        return x

    assert f(value) is value
    attributes = recorded.attributes("f")
    assert attributes["input.value"].encode()


def test_huge_arguments_are_cut(record: Any) -> None:
    recorded = record(max_text=1_000)

    @observe
    def f(x: object) -> int:
        return 1

    f("x" * 50_000_000)
    f(["y" * 1_000] * 100_000)
    f({str(i): i for i in range(1_000_000)})
    for recorded_span in recorded.all():
        assert len(recorded_span.attributes["input.value"]) < 1_100


def test_a_full_queue_drops_and_never_waits() -> None:
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Stuck(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.FAILURE

    kaname_sdk.instrument(exporter=Stuck(), max_queue=10)
    for _ in range(1_000):
        with span("s"):
            pass


def test_score_without_target_or_value_is_a_log_line(recorded: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "kaname_sdk"):
        assert kaname_sdk.score("x", 1) is None
        with span("s"):
            assert kaname_sdk.score("x") is None
            assert kaname_sdk.score("x", object()) is None  # type: ignore[arg-type]
    assert faults.count("score()") == 2
    assert recorded.one("s")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
        max_leaves=50,
    ),
    st.integers(10, 500),
)
def test_any_value_becomes_bounded_valid_text(value: object, limit: int) -> None:
    plain, masked = encode(value, limit), encode(value, limit, lambda t: t)
    for encoded in (plain, masked):
        encoded.text.encode()
        assert len(encoded.text) <= limit + 40
        if encoded.mime_type == "application/json" and "more characters]" not in encoded.text:
            json.loads(encoded.text)
