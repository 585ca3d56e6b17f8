"""Normalising single spans and recorded OTLP requests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kaname.gateway.pricing.book import PriceBook
from kaname.traces.model import Attributes, RawEvent, RawSpan, Scope, SpanRow
from kaname.traces.normalise import Normaliser
from kaname.traces.otlp.limits import OtlpLimits
from kaname.traces.otlp.protobuf import decode_logs, decode_traces

DATA = Path(__file__).parents[2] / "data" / "otlp"
START_NS = 1_780_000_000_000_000_000
RECORDED_NS = 1_795_520_000_000_000_000

Normalise = Callable[..., SpanRow]
Replay = Callable[[str], list[SpanRow]]


@pytest.fixture(scope="session")
def normaliser() -> Normaliser:
    return Normaliser(PriceBook.load())


@pytest.fixture(scope="session")
def normalise(normaliser: Normaliser) -> Normalise:
    """A row of one span with these attributes."""

    def call(
        attributes: Attributes,
        *,
        events: list[RawEvent] | None = None,
        scope: str = "",
        scope_version: str = "",
        resource: Attributes | None = None,
        **fields: object,
    ) -> SpanRow:
        span = RawSpan(
            **{
                "trace_id": "a" * 32,
                "span_id": "b" * 16,
                "start_ns": START_NS,
                "end_ns": START_NS + 10**9,
                "attributes": attributes,
                "events": events or [],
                "scope": Scope(name=scope, version=scope_version, resource=resource or {}),
                **fields,
            }
        )
        return normaliser.normalise("prj_test", span, received_ns=START_NS)

    return call


@pytest.fixture(scope="session")
def replay(normaliser: Normaliser) -> Replay:
    """The rows of a recording, oldest first, with the content of its logs merged in as the consumer does."""

    def call(name: str) -> list[SpanRow]:
        logs: dict[str, list[RawEvent]] = {}
        for path in sorted(DATA.glob(f"{name}.*logs.pb")):
            for record in decode_logs(path.read_bytes(), OtlpLimits(), RECORDED_NS).records:
                logs.setdefault(record.span_id, []).append(record.as_event())
        rows: list[SpanRow] = []
        for path in sorted(DATA.glob(f"{name}.*traces.pb")):
            for span in decode_traces(path.read_bytes(), OtlpLimits(), RECORDED_NS).spans:
                span.events.extend(logs.get(span.span_id, ()))
                rows.append(normaliser.normalise("prj_test", span, received_ns=RECORDED_NS))
        return sorted(rows, key=lambda row: row.start_ns)

    return call
