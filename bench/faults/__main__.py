"""Runs the fault table against a gateway and prints it.

    python -m bench.faults [--target ours|litellm|portkey] [--row TEXT] [--json | --markdown] [--slow]

Exits 1 when a row of ours fails. Rows and their checks are in `rows_*.py`; what a target is, in `targets.py`.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.faults import rows_client, rows_ours, rows_upstream
from bench.faults.case import Outcome, Row, run_row
from bench.faults.peer_targets import LiteLLM, Portkey
from bench.faults.routes import ALL_COMBOS, RESPONSES, RESPONSES_OVER_MESSAGES, Combo, Route
from bench.faults.targets import Ours, Target
from bench.faults.upstream import build_behaviours
from integration.gateway.fault_upstream import FaultUpstream

_TABLES = (*rows_upstream.TABLE.rows, *rows_client.TABLE.rows)
ROWS: Sequence[Row] = sorted(_TABLES, key=lambda row: row.name.startswith("reply over"))
"""The hugest comes last: some gateways don't live through it."""


def combos_of(row: Row, name: str) -> tuple[Combo, ...]:
    """The ways that a row is checked on: for ours the Responses surface too."""
    more = (RESPONSES, RESPONSES_OVER_MESSAGES) if name == "ours" and row.combos == ALL_COMBOS else ()
    return (*row.combos, *more)


def pairs_of(rows: Sequence[Row], name: str) -> list[tuple[Route, Combo]]:
    """Every route on every surface that uses it."""
    return [(route, combo) for row in rows for combo in combos_of(row, name) for route in row.routes]


def start_target(name: str, folder: Path, upstream: FaultUpstream) -> Target:
    """A gateway with every route of the suite."""
    start = {"ours": Ours, "litellm": LiteLLM, "portkey": Portkey}[name]
    return start(folder / name, pairs_of(ROWS, name), upstream.port)


def run_all(name: str, folder: Path, *, only: str, slow: bool) -> Iterator[Outcome]:
    """All rows on all their surfaces."""
    with FaultUpstream(build_behaviours()) as upstream:
        target = start_target(name, folder, upstream)
        try:
            for row in ROWS:
                if only in row.name and (slow or not row.slow):
                    for combo in combos_of(row, name):
                        yield run_row(row, target, upstream, combo)
        finally:
            target.stop()
        if name == "ours":
            yield from rows_ours.run(folder, upstream, only)


def print_line(outcome: Outcome) -> None:
    """One row on one surface."""
    mark = {True: "pass", False: "FAIL", None: "-"}[outcome.passed]
    print(f"{mark:5} {outcome.row[:58]:58} {outcome.surface:23} {outcome.seen[:150]}", flush=True)


def summary(outcomes: Sequence[Outcome]) -> str:
    """How many checks passed, and how many rows on every surface."""
    checked = [outcome for outcome in outcomes if outcome.passed is not None]
    rows = {outcome.row for outcome in checked}
    strict = sum(all(o.passed for o in checked if o.row == row) for row in rows)
    return f"{sum(bool(o.passed) for o in checked)}/{len(checked)} checks, {strict}/{len(rows)} rows on every surface"


def print_markdown(outcomes: Sequence[Outcome]) -> None:
    """A table of rows: what must happen, on how many surfaces it does, and what was seen on the first."""
    must = {row.name: row.must for row in ROWS} | rows_ours.MUST
    print("| what happens | must | holds on | seen |\n|---|---|---|---|")
    for name in dict.fromkeys(outcome.row for outcome in outcomes):
        checked = [o for o in outcomes if o.row == name and o.passed is not None]
        holds = f"{sum(bool(o.passed) for o in checked)} of {len(checked)}"
        seen = next((o.seen for o in checked), "")
        print(f"| {name} | {must[name]} | {holds} | {seen[:100].replace('|', '/')} |")
    print(f"\n{summary(outcomes)}")


def main() -> int:
    """Returns 1 when one of ours fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", choices=("ours", "litellm", "portkey"), default="ours")
    parser.add_argument("--row", default="", help="only rows whose name contains this")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--slow", action="store_true", help="also rows that take ten seconds and more")
    options = parser.parse_args()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        for outcome in run_all(options.target, Path(folder), only=options.row, slow=options.slow):
            outcomes.append(outcome)
            if not options.json and not options.markdown:
                print_line(outcome)
    if options.json:
        print(json.dumps([outcome._asdict() for outcome in outcomes], ensure_ascii=False, indent=1))
    elif options.markdown:
        print_markdown(outcomes)
    else:
        print(f"\n{options.target}: {summary(outcomes)}")
    return int(options.target == "ours" and any(outcome.passed is False for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
