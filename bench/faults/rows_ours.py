"""Rows about our own process, each with a process of its own: the end of it, a full disk, `on_disconnect: drain`."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.faults.case import Case, MismatchError, Outcome
from bench.faults.client import Reply, post
from bench.faults.routes import CHAT, MESSAGES, Combo, to
from bench.faults.rows_client import raw_request, wait_for_arrival
from bench.faults.targets import Ours
from integration.gateway.fault_upstream import FaultUpstream

_OK, _SLOW, _ENDLESS = to("ok"), to("slow-stream"), to("trickle", total_ms=60_000)
_ROUTES = (_OK, _SLOW, _ENDLESS)
SMALL_FILE_BYTES = 64 << 10
DRAIN_S = 2


def ends_orderly(case: Case, gateway: Ours) -> None:
    """SIGTERM while one stream is about to end and another never will."""
    replies: dict[str, Reply] = {}

    def call(name: str, route: object) -> None:
        replies[name] = case.ask(route, stream=True, timeout_s=15)  # type: ignore[arg-type]

    threads = [threading.Thread(target=call, args=pair) for pair in (("slow", _SLOW), ("endless", _ENDLESS))]
    for thread in threads:
        thread.start()
    wait_for_arrival(case, _SLOW)
    wait_for_arrival(case, _ENDLESS)
    time.sleep(0.1)
    gateway.terminate()
    time.sleep(0.3)
    body, headers = case.request(_OK)
    new = post(gateway.port, case.combo.path, body, headers, style=case.combo.surface, timeout_s=2)
    for thread in threads:
        thread.join()
    case.expect(new.status in (0, 503), f"a new call got {new.status}")
    case.answered(replies["slow"])
    case.broke(replies["endless"], code="overloaded", kind="overloaded_error")
    case.expect(gateway.process.wait(10) == 0, f"exit status {gateway.process.returncode}")
    record = case.find(lambda r: r.requested_model == _ENDLESS.tag(case.combo))
    case.expect(record.outcome == "incomplete", f"recorded as {record.outcome}")


def survives_a_full_disk(case: Case, gateway: Ours) -> None:
    """The journal's file can't grow beyond 64 KiB."""
    body, headers = case.request(_OK, padding="x" * 8_000)
    for _ in range(60):
        reply = post(gateway.port, case.combo.path, body, headers, style=case.combo.surface)
        case.answered(reply)
    time.sleep(0.5)
    case.answered(case.ask(_OK, stream=True))
    kept = len(case.target.records())
    case.saw(f"60 calls answered, {kept} recorded")
    case.expect(kept < 60, "the disk wasn't full")


def drains(case: Case, gateway: Ours) -> None:
    """`on_disconnect: drain`: the answer is read to its end after the client has left."""
    body, headers = case.request(_SLOW, stream=True)
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(raw_request(case, body, headers))
        client.settimeout(5)
        case.expect(client.recv(100), "no answer")
    record = case.find(lambda r: r.requested_model == _SLOW.tag(case.combo))
    case.expect(case.arrivals(_SLOW)[-1].answered.wait(5), "the upstream wasn't read to its end")
    case.expect(record.usage, "its usage is lost")
    case.expect(record.finish_reasons, "its end is lost")


_Check = Callable[[Case, Ours], None]
_ROWS: tuple[tuple[str, _Check, dict[str, object]], ...] = (
    ("SIGTERM", ends_orderly, {}),
    ("disk full", survives_a_full_disk, {"file_limit": SMALL_FILE_BYTES}),
    ("client leaves, `on_disconnect: drain`", drains, {"drain": True}),
)
MUST = {
    "SIGTERM": "no new calls, streams end, an error event to the rest, exit 0",
    "disk full": "calls are answered, records dropped",
    "client leaves, `on_disconnect: drain`": "read to its end and charged",
}


def run(folder: Path, upstream: FaultUpstream, only: str = "", combos: tuple[Combo, ...] = (CHAT, MESSAGES)) -> list[Outcome]:  # fmt: skip  # noqa: E501
    """All rows whose name contains `only`."""
    return [
        run_one(name, folder / f"own-{i}-{combo.key}", upstream, combo)
        for i, (name, _, _) in enumerate(_ROWS)
        for combo in combos
        if only in name
    ]


def run_one(name: str, folder: Path, upstream: FaultUpstream, combo: Combo) -> Outcome:
    """One row on one surface."""
    check, options = next((check, options) for row, check, options in _ROWS if row == name)
    gateway = Ours(folder, [(route, combo) for route in _ROUTES], upstream.port, drain_s=DRAIN_S, **options)  # type: ignore[arg-type]
    case = Case(gateway, upstream, combo)
    passed = True
    try:
        check(case, gateway)
    except MismatchError as e:
        passed = False
        case.seen_text.insert(0, str(e))
    finally:
        gateway.stop()
    return Outcome(name, combo.label, passed, "; ".join(case.seen_text))
