"""Text guards over the texts of one request or answer: what they find, what follows, and the count for the record.

Invariants: what was found is counted once; nothing of it is kept but its kind; a guard that fails does what its
`on_error` says.
"""

import logging
import time
from collections.abc import Sequence
from typing import NamedTuple

from kaname.gateway.guardrails.model import Guard, Point, join_counts
from kaname.gateway.model import GuardRecord
from kaname.kernel.border import survive
from kaname.kernel.errors import UnavailableError
from kaname.privacy.model import Finding
from kaname.privacy.placeholders import Edit, Placeholders

logger = logging.getLogger(__name__)


class Candidate(NamedTuple):
    """Something found in a text. `guard` −1: a placeholder of this call, to be restored to `text`."""

    start: int
    end: int
    guard: int
    kind: str = ""
    text: str = ""


class _Tally:
    """What one guard did so far."""

    __slots__ = ("counts", "duration_ns", "failed", "start_ns")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.start_ns = time.time_ns()
        self.duration_ns = 0
        self.failed = False


class Screen:
    """Of one request or one answer. `kept` are the values that its call hides, `masks` those that it hides for good."""

    __slots__ = ("_guards", "_kept", "_masks", "_tallies", "blocked_by", "restores")

    def __init__(
        self, guards: Sequence[Guard], kept: Placeholders, masks: Placeholders | None = None, *, restores: bool = False
    ) -> None:
        self._guards = guards
        self._kept = kept
        self._masks = masks if masks is not None else kept
        self._tallies = [_Tally() for _ in guards]
        self.restores = restores and bool(kept)
        """Whether placeholders are turned back into values."""
        self.blocked_by: Guard | None = None

    @property
    def enforces(self) -> bool:
        """Whether a text has to wait for what comes after it."""
        return any(guard.enforces for guard in self._guards)

    @property
    def watches(self) -> bool:
        """Whether there is a guard at all."""
        return bool(self._guards)

    @property
    def looks(self) -> bool:
        """Whether there is anything to do at all."""
        return bool(self._guards) or self.restores

    def candidates(self, text: str) -> list[Candidate]:
        """What all guards find, by place; raises UnavailableError (`guardrail_failed`)."""
        found: list[Candidate] = []
        for number in range(len(self._guards)):
            found += [Candidate(f.start, f.end, number, f.kind) for f in self.find(number, text)]
        if self.restores:
            found += [Candidate(edit.start, edit.end, -1, "", edit.text) for edit in self._kept.restorations(text)]
        if len(found) > 1:
            found.sort()
        return found

    def find(self, number: int, text: str) -> list[Finding]:
        """What one guard finds."""
        guard, tally = self._guards[number], self._tallies[number]
        assert guard.text is not None
        began = time.perf_counter_ns()
        found: list[Finding] = []
        with survive(logger, "guardrail %s", guard.name) as border:
            found = guard.text.find(text)
        tally.duration_ns += time.perf_counter_ns() - began
        if border.fault is not None:
            tally.failed = True
            if guard.on_error == "block":
                raise guard_failed(guard)
        return found

    def accept(self, candidate: Candidate, value: str, *, counts: bool = True) -> Edit | None:
        """What follows from a candidate whose place is certain: an edit, nothing, or `blocked_by`."""
        if candidate.guard < 0:
            return Edit(candidate.start, candidate.end, candidate.text, True)
        guard = self._guards[candidate.guard]
        if counts:
            tally = self._tallies[candidate.guard].counts
            tally[candidate.kind] = tally.get(candidate.kind, 0) + 1
        if guard.action == "mask":
            text = (self._kept if guard.keep_value else self._masks).token(candidate.kind, value)
            return Edit(candidate.start, candidate.end, text)
        if guard.action == "replace":
            return Edit(candidate.start, candidate.end, guard.replacement)
        if guard.action == "block" and self.blocked_by is None:
            self.blocked_by = guard
        return None

    def restorations(self, text: str) -> list[Edit]:
        """Where placeholders of this call stand."""
        return self._kept.restorations(text) if self.restores else []

    def restore(self, text: str) -> str:
        """A text with its values."""
        return self._kept.unmask(text) if self.restores else text

    def guard(self, number: int) -> Guard:
        """One of the guards."""
        return self._guards[number]

    def accept_finding(self, number: int, finding: Finding, value: str) -> Edit | None:
        """What follows from a finding in a whole text."""
        return self.accept(Candidate(finding.start, finding.end, number, finding.kind), value)

    def records(self, point: Point) -> list[GuardRecord]:
        """One for each guard."""
        return [
            GuardRecord(
                guard=guard.name,
                point=point,
                action="error" if tally.failed else guard.action if tally.counts else "pass",
                reason="the guard failed" if tally.failed else join_counts(tally.counts),
                start_ns=tally.start_ns,
                duration_ns=tally.duration_ns,
            )
            for guard, tally in zip(self._guards, self._tallies, strict=True)
        ]

    def reason(self, guard: Guard) -> str:
        """What a guard met."""
        return join_counts(self._tallies[self._guards.index(guard)].counts)


def guard_failed(guard: Guard) -> UnavailableError:
    """A guard that must not be passed couldn't decide."""
    return UnavailableError(
        f"guardrail {guard.name!r} failed, and nothing may pass without it",
        hint="Try again; `on_error: allow` would let calls through.", code="guardrail_failed",
    )  # fmt: skip
