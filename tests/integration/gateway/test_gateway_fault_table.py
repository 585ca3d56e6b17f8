"""The whole fault table against a gateway process, on both surfaces over both upstream wires.

Rows and their checks are the fault suite's (`bench/faults`), which prints the same table and can be pointed at other
gateways. Here durations aren't held to limits: the machine may be busy.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.faults import rows_ours
from bench.faults.__main__ import ROWS, combos_of, pairs_of
from bench.faults.case import Row, run_row
from bench.faults.routes import CHAT, MESSAGES, Combo
from bench.faults.targets import Ours
from bench.faults.upstream import build_behaviours

from integration.gateway.fault_upstream import FaultUpstream

CASES = [(row, combo) for row in ROWS if not row.slow for combo in combos_of(row, "ours")]


@pytest.fixture(scope="module")
def upstream() -> Iterator[FaultUpstream]:
    with FaultUpstream(build_behaviours()) as running:
        yield running


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory, upstream: FaultUpstream) -> Iterator[Ours]:
    gateway = Ours(tmp_path_factory.mktemp("ours"), pairs_of(ROWS, "ours"), upstream.port)
    yield gateway
    gateway.stop()


@pytest.mark.parametrize(("row", "combo"), CASES, ids=[f"{row.name}-{combo.label}" for row, combo in CASES])
def test_fault(row: Row, combo: Combo, ours: Ours, upstream: FaultUpstream) -> None:
    outcome = run_row(row, ours, upstream, combo, timed=False)
    assert outcome.passed, f"must: {row.must}; seen: {outcome.seen}"


@pytest.mark.parametrize("combo", [CHAT, MESSAGES], ids=["chat", "messages"])
@pytest.mark.parametrize("name", rows_ours.MUST)
def test_fault_of_our_own_process(name: str, combo: Combo, tmp_path: Path, upstream: FaultUpstream) -> None:
    outcome = rows_ours.run_one(name, tmp_path / "gateway", upstream, combo)
    assert outcome.passed, f"must: {rows_ours.MUST[name]}; seen: {outcome.seen}"
