"""Calls on their way to a canary: which are counted, as what, and what the others pay for it."""

from datetime import UTC, datetime

from canary_rig import Holder, call_record, canary_config
from kaname.gateway.canaries.book import CanaryBook, ObservedSink, Update
from kaname.gateway.canaries.model import Canary, Standing, canaries_of
from kaname.gateway.canaries.observations import ArmCounts
from kaname.gateway.model import GatewayRecord
from kaname.gateway.routing.canary import CanaryState
from kaname.gateway.routing.split import Arms
from kaname.kernel.clock import ManualClock

CONFIG = canary_config()


def standing(canary: Canary, state: CanaryState | None = None, generation: int = 1) -> Standing:
    return Standing(
        id=canary.id, name=canary.name, state=state or CanaryState(), generation=generation,
        stable_generation=generation, since_ns=0, looked_ns=0, findings=(), rollbacks=0, revision=generation,
    )  # fmt: skip


def running_book() -> tuple[CanaryBook, Canary, ManualClock]:
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    book = CanaryBook(clock)
    (watched,) = book.collect(CONFIG)
    book.apply([Update(watched.canary, standing(watched.canary), None)], ())
    return book, watched.canary, clock


def counted(book: CanaryBook, arm: str = "b") -> ArmCounts | None:
    (watched,) = book.collect(CONFIG)
    return (watched.counts or {}).get(arm)


def test_failures_are_the_arms_own_even_where_a_fallback_saved_the_call() -> None:
    book, _, clock = running_book()
    book.observe(call_record(clock, "b"))
    book.observe(call_record(clock, "b", failed=True))
    book.observe(call_record(clock, "b", target="up/c"))
    counts = counted(book)
    assert counts is not None
    assert (counts.calls, counts.errors, sum(counts.latencies.values())) == (3, 2, 1)


def test_a_call_that_a_budget_sent_to_another_model_says_nothing_about_its_arm() -> None:
    book, _, clock = running_book()
    book.observe(call_record(clock, "b", target="up/cheap"))
    assert counted(book) is None


def test_calls_that_no_target_was_asked_for_are_left_out_unless_its_breakers_were_open() -> None:
    book, _, clock = running_book()
    for code in ("rate_limited", "guardrail_blocked", ""):
        record = call_record(clock, "b", failed=True)
        record.attempts, record.error_code = [], code
        book.observe(record)
    assert counted(book) is None
    record = call_record(clock, "b", failed=True)
    record.attempts, record.error_code = [], "no_healthy_target"
    book.observe(record)
    counts = counted(book)
    assert counts is not None
    assert (counts.calls, counts.errors) == (1, 1)


def test_a_client_that_left_is_no_error_and_has_no_cost() -> None:
    book, _, clock = running_book()
    record = call_record(clock, "b")
    record.outcome = "cancelled"
    book.observe(record)
    counts = counted(book)
    assert counts is not None
    assert (counts.calls, counts.errors, len(counts.latencies), len(counts.costs)) == (1, 0, 1, 0)


def test_calls_of_the_step_before_and_of_canaries_that_are_over_are_not_counted() -> None:
    book, canary, clock = running_book()
    late = call_record(clock, "b")
    clock.advance(1)
    book.apply([Update(canary, standing(canary, CanaryState(step=1), 2), None)], ())
    book.observe(late)
    assert counted(book) is None
    book.apply([Update(canary, standing(canary, CanaryState(phase="rolled_back"), 3), None)], ())
    book.observe(call_record(clock, "b"))
    assert counted(book) is None


def test_what_was_counted_while_it_was_stored_is_stored_next_time() -> None:
    book, _, clock = running_book()
    book.observe(call_record(clock, "b"))
    watched = book.collect(CONFIG)
    book.observe(call_record(clock, "b"))
    book.apply((), watched)
    again = book.collect(CONFIG)
    assert again[0].counts is not None
    assert again[0].counts["b"].calls == 2
    book.apply((), again)
    assert book.collect(CONFIG)[0].counts is None


def test_a_planned_step_gets_new_arms_as_the_canary_moves() -> None:
    book, canary, _ = running_book()
    holder = Holder()
    holder.arms = book.arms(canary, holder)
    moved = standing(canary, CanaryState(step=1), 2)
    book.apply([Update(canary, moved, Arms(canary.weights(moved), canary.name))], ())
    assert holder.arms is book.arms(canary, Holder())
    assert 0.48 < holder.arms.owners().count("b") / 10_000 < 0.52


def test_callers_only_ever_join_a_canary_that_rises() -> None:
    (canary,) = canaries_of(CONFIG)
    before: set[int] = set()
    for step in range(3):
        owners = Arms(canary.weights_at(CanaryState(step=step)), canary.name).owners()
        now = {bucket for bucket, arm in enumerate(owners) if arm == "b"}
        assert before < now
        before = now


def test_the_sink_passes_everything_on_and_counts_only_calls_with_an_arm() -> None:
    book, _, clock = running_book()

    class Sink:
        def __init__(self) -> None:
            self.records: list[GatewayRecord] = []

        def put(self, record: GatewayRecord) -> None:
            self.records.append(record)

        def flush(self) -> None: ...

    inner = Sink()
    sink = ObservedSink(inner, book)
    plain = call_record(clock, "")
    sink.put(plain)
    sink.put(call_record(clock, "b"))
    counts = counted(book)
    assert counts is not None
    assert (counts.calls, len(inner.records), inner.records[0]) == (1, 2, plain)
