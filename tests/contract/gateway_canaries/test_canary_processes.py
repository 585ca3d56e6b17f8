"""Canaries of several processes over one database, on both SQL engines."""

from datetime import UTC, datetime

import pytest

from canary_rig import CanaryProcess, canary_config
from kaname.access.model import SYSTEM
from kaname.gateway.canaries.actions import CanaryActions
from kaname.gateway.canaries.store import Change
from kaname.gateway.routing.canary import CanaryState
from kaname.kernel.clock import ManualClock
from kaname.kernel.errors import ConflictError, NotFoundError
from kaname.storage.sql.database import Database


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))


def test_a_process_begins_where_the_canary_stands_and_not_at_the_first_step(
    database: Database, clock: ManualClock
) -> None:
    first = CanaryProcess(database, clock, canary_config())
    assert 0.08 < first.share < 0.12
    first.serve("a", 400)
    first.serve("b", 200)
    first.tick(61)
    assert 0.48 < first.share < 0.52
    again = CanaryProcess(database, clock, canary_config())
    assert again.share == first.share


def test_two_processes_together_have_the_evidence_that_neither_has_alone(
    database: Database, clock: ManualClock
) -> None:
    one, two = (CanaryProcess(database, clock, canary_config()) for _ in range(2))
    for process in (one, two):
        process.serve("a", 30)
        process.serve("b", 30, failing=15)
    one.tick()
    assert one.phase == "running"
    two.tick()
    assert (two.phase, two.share) == ("rolled_back", 0.0)
    one.tick(0.5)
    assert (one.phase, one.share) == ("rolled_back", 0.0)
    assert CanaryProcess(database, clock, canary_config()).phase == "rolled_back"


def test_harm_is_acted_on_at_once_and_a_step_upwards_waits_for_its_interval(
    database: Database, clock: ManualClock
) -> None:
    process = CanaryProcess(database, clock, canary_config())
    process.serve("a", 400)
    process.serve("b", 200)
    process.tick(30)
    standing = process.book.standing(process.canary)
    assert standing is not None
    assert (standing.state, [f.finding for f in standing.findings]) == (CanaryState(), ["clear"])
    process.tick(31)
    assert process.book.standing(process.canary).state == CanaryState(step=1)  # type: ignore[union-attr]
    process.serve("a", 60)
    process.serve("b", 60, failing=40)
    process.tick(1)
    assert process.phase == "rolled_back"
    (change, *_) = process.store.changes(process.canary.id).items
    assert (change.action, change.actor_id, change.findings[0].finding) == ("rollback", "system", "harmed")


def test_the_last_step_is_judged_by_the_others_calls_of_the_step_before(database: Database, clock: ManualClock) -> None:
    process = CanaryProcess(database, clock, canary_config())
    for _ in range(2):
        process.serve("a", 300)
        process.serve("b", 300)
        process.tick(61)
    assert process.share == 1.0
    assert process.phase == "running"
    process.serve("b", 300)
    process.tick(61)
    assert (process.phase, process.share) == ("finished", 1.0)
    actions = [change.action for change in process.store.changes(process.canary.id).items]
    assert actions == ["finish", "advance", "advance", "start"]


def test_counts_written_twice_count_once_and_end_with_their_step(database: Database, clock: ManualClock) -> None:
    process = CanaryProcess(database, clock, canary_config())
    process.serve("a", 40)
    process.serve("b", 40)
    for _ in range(3):
        process.tick()
    standing = process.book.standing(process.canary)
    assert standing is not None
    evidence = process.store.evidence(process.canary, standing)
    assert (evidence.stable.calls, evidence.canary.calls) == (40, 40)
    actions = CanaryActions(process.store, lambda: process.config)
    actions.promote(SYSTEM, process.canary.id)
    process.serve("b", 7)  # chosen before this process has heard of it
    process.tick()
    moved = process.book.standing(process.canary)
    assert moved is not None
    assert moved.generation == standing.generation + 1
    assert process.store.evidence(process.canary, moved).canary.calls == 0


def test_a_decision_on_an_old_standing_is_refused(database: Database, clock: ManualClock) -> None:
    one, two = (CanaryProcess(database, clock, canary_config()) for _ in range(2))
    standing = one.book.standing(one.canary)
    assert standing is not None
    over = Change("rollback", CanaryState(phase="rolled_back"))
    assert one.store.change(one.canary, standing, over) is not None
    assert two.store.change(two.canary, standing, Change("advance", CanaryState(step=1))) is None
    assert two.store.note(standing, ()) is None


def test_rolled_back_is_final_until_a_restart_or_other_targets(database: Database, clock: ManualClock) -> None:
    process = CanaryProcess(database, clock, canary_config())
    process.serve("a", 60)
    process.serve("b", 60, failing=60)
    process.tick()
    process.serve("a", 600)
    process.serve("b", 600)
    process.tick(3600)
    assert process.phase == "rolled_back"

    process.config = canary_config("{arm: b, steps: [10, 50, 100], guards: [{metric: cost}]}")
    process.tick()
    assert process.phase == "rolled_back", "other guards don't revive it"
    process.config = canary_config(b="up/better")
    process.tick()
    assert process.phase == "running"
    process.config = canary_config()
    process.tick()
    assert process.phase == "rolled_back", "the old target comes back as it went"

    actions = CanaryActions(process.store, lambda: process.config)
    with pytest.raises(ConflictError, match="rolled back"):
        actions.promote(SYSTEM, process.canary.id)
    actions.restart(SYSTEM, process.canary.id)
    process.tick()
    assert (process.phase, 0.08 < process.share < 0.12) == ("running", True)
    process.tick(3600)
    assert process.phase == "running", "what it did before the restart no longer counts"


def test_people_promote_step_by_step_or_fully_and_roll_back_what_is_finished(
    database: Database, clock: ManualClock
) -> None:
    process = CanaryProcess(database, clock, canary_config())
    actions = CanaryActions(process.store, lambda: process.config)
    shares: list[float] = []
    for _ in range(3):
        shown = actions.promote(SYSTEM, process.canary.id)
        assert shown.standing is not None
        shares.append(shown.standing.state.share(process.canary.plan.settings))
    assert shares == [0.5, 1.0, 1.0]
    with pytest.raises(ConflictError, match="finished"):
        actions.promote(SYSTEM, process.canary.id)
    actions.roll_back(SYSTEM, process.canary.id, message="it swears")
    process.tick()
    assert process.share == 0.0
    newest = actions.changes(process.canary.id, limit=1).items[0]
    assert (newest.action, newest.message) == ("rollback", "it swears")
    actions.restart(SYSTEM, process.canary.id)
    assert actions.promote(SYSTEM, process.canary.id, fully=True).standing.state.phase == "finished"  # type: ignore[union-attr]
    with pytest.raises(NotFoundError):
        actions.restart(SYSTEM, "can_nothing")


def test_scores_that_one_process_reads_decide_for_all(database: Database, clock: ManualClock) -> None:
    config = canary_config("{arm: b, guards: [{metric: score, name: thumbs_up, tolerance: 0.05, min_n: 50}]}")
    with_scores, without = (CanaryProcess(database, clock, config) for _ in range(2))
    with_scores.scores.given = {"a": [1.0] * 90 + [0.0] * 10, "b": [1.0] * 40 + [0.0] * 60}
    with_scores.tick(11)
    without.tick()
    assert with_scores.phase == without.phase == "rolled_back"


def test_a_canary_nobody_knows_gets_no_calls(database: Database, clock: ManualClock) -> None:
    process = CanaryProcess(database, clock, canary_config())
    process.config = canary_config(b="up/other")
    assert (process.phase, process.share) == ("unknown", 0.0)
    process.tick()
    assert process.share > 0
