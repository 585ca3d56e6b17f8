"""`@observe` and `span`: what is recorded, and that the function behaves as if it weren't there."""

import asyncio
import inspect
import json
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

import kaname_sdk
from kaname_sdk import observe, span


def test_arguments_and_result(recorded: Any) -> None:
    @observe
    def add(a: int, b: int = 2, *rest: int, **named: int) -> int:
        """Adds."""
        return a + b + sum(rest) + sum(named.values())

    assert add(1, 2, 3, c=4) == 10
    assert (add.__name__, add.__doc__) == ("add", "Adds.")
    attributes = recorded.attributes("add")
    assert json.loads(attributes["input.value"]) == {"a": 1, "b": 2, "args": [3], "c": 4}
    assert attributes["output.value"] == "10"


def test_kind_name_and_methods(recorded: Any) -> None:
    class Store:
        @observe(kind="retriever", name="search")
        def find(self, query: str) -> list[str]:
            return [query]

        @classmethod
        @observe(kind="tool")
        def count(cls) -> int:
            return 3

    assert Store().find("q") == ["q"]
    assert Store.count() == 3
    found = recorded.attributes("search")
    assert found["openinference.span.kind"] == "RETRIEVER"
    assert found["gen_ai.operation.name"] == "retrieval"
    assert json.loads(found["input.value"]) == {"query": "q"}
    assert recorded.attributes("count")["gen_ai.tool.name"] == "count"


def test_unknown_kind_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match="retriever"):
        observe(kind="nonsense")  # type: ignore[call-overload]


def test_exceptions_pass_and_are_recorded(recorded: Any) -> None:
    @observe
    def fail() -> None:
        raise KeyError("missing")

    with pytest.raises(KeyError):
        fail()
    failed = recorded.one("fail")
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes["error.type"] == "KeyError"
    assert failed.events[0].name == "exception"


def test_nesting_and_siblings(recorded: Any) -> None:
    @observe
    def inner() -> None: ...

    @observe
    def outer() -> None:
        inner()
        inner()

    outer()
    root = recorded.one("outer")
    children = [s for s in recorded.all() if s.name == "inner"]
    assert [c.parent.span_id for c in children] == [root.context.span_id] * 2


def test_coroutines_keep_their_parent_across_tasks(recorded: Any) -> None:
    @observe
    async def leaf(n: int) -> int:
        await asyncio.sleep(0)
        return n

    @observe
    async def root(name: str) -> list[int]:
        return await asyncio.gather(*(leaf(i) for i in range(5)))

    async def main() -> None:
        await asyncio.gather(root("a"), root("b"))

    assert inspect.iscoroutinefunction(root)
    asyncio.run(main())
    spans = recorded.all()
    roots = {s.context.span_id: s for s in spans if s.name == "root"}
    assert len(roots) == 2
    for leaf_span in (s for s in spans if s.name == "leaf"):
        assert leaf_span.context.trace_id == roots[leaf_span.parent.span_id].context.trace_id


def test_cancellation_is_recorded_and_passes(recorded: Any) -> None:
    @observe
    async def wait() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert recorded.one("wait").status.status_code is StatusCode.ERROR


def test_threads_do_not_mix(recorded: Any) -> None:
    @observe
    def work(n: int) -> int:
        with span("step"):
            return n

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(50))) == list(range(50))
    spans = recorded.all()
    parents = {s.context.span_id: s for s in spans if s.name == "work"}
    steps = [s for s in spans if s.name == "step"]
    assert len(parents) == len(steps) == 50
    assert all(s.context.trace_id == parents[s.parent.span_id].context.trace_id for s in steps)


def test_generators_keep_their_protocol(recorded: Any) -> None:
    def plain() -> Iterator[Any]:
        got: list[Any] = []
        while len(got) < 3:
            try:
                got.append((yield len(got)))
            except ValueError as e:
                got.append(str(e))
        return got

    watched = observe(plain)
    assert inspect.isgeneratorfunction(watched)

    def drive(generator: Any) -> tuple[list[Any], Any]:
        seen = [next(generator), generator.send("a"), generator.throw(ValueError("b"))]
        try:
            generator.send("c")
        except StopIteration as stop:
            return seen, stop.value
        raise AssertionError

    assert drive(watched()) == drive(plain())
    assert recorded.attributes("plain")["output.value"] == "[0,1,2]"


def test_text_chunks_become_one_text_and_the_body_runs_inside(recorded: Any) -> None:
    @observe
    def tell() -> Iterator[str]:
        for word in ("要", "は", "扇"):
            with span("word"):
                pass
            yield word

    with span("caller"):
        parts = []
        for part in tell():
            with span("between"):
                parts.append(part)
    assert recorded.attributes("tell")["output.value"] == "要は扇"
    spans = {s.name: s for s in recorded.all()}
    assert spans["word"].parent.span_id == spans["tell"].context.span_id
    assert spans["between"].parent.span_id == spans["caller"].context.span_id


def test_an_abandoned_generator_still_ends(recorded: Any) -> None:
    closed: list[bool] = []

    @observe
    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    generator = endless()
    next(generator)
    generator.close()
    assert closed == [True]
    assert recorded.one("endless").status.status_code is not StatusCode.ERROR


def test_a_failing_generator(recorded: Any) -> None:
    @observe
    def breaks() -> Iterator[int]:
        yield 1
        raise RuntimeError("half-way")

    generator = breaks()
    assert next(generator) == 1
    with pytest.raises(RuntimeError, match="half-way"):
        next(generator)
    assert recorded.one("breaks").status.status_code is StatusCode.ERROR


def test_async_generators(recorded: Any) -> None:
    @observe
    async def count(n: int) -> AsyncIterator[int]:
        for i in range(n):
            yield i

    async def main() -> None:
        assert [i async for i in count(3)] == [0, 1, 2]
        async for _ in count(100):
            break

    asyncio.run(main())
    outputs = [json.loads((s.attributes or {})["output.value"]) for s in recorded.all()]
    assert outputs[0] == [0, 1, 2]
    assert outputs[1] == [0]


def test_lazy_results_of_plain_functions(recorded: Any) -> None:
    async def inner() -> str:
        return "late"

    @observe
    def starts() -> Any:
        return inner()

    assert asyncio.run(starts()) == "late"
    assert recorded.attributes("starts")["output.value"] == "late"


def test_capture_can_be_refused(record: Any) -> None:
    recorded = record(capture=False)

    @observe
    def secret(password: str) -> str:
        return password

    secret("hunter2")
    assert recorded.attributes("secret") == {}


def test_span_block(recorded: Any) -> None:
    with span("turn", kind="chain", input={"q": "?"}) as turn:
        turn.set_output("fine")
        turn.set_documents([{"id": "d1", "score": 0.5, "content": "text"}])
        turn.set_attributes({"app.version": 3})
        assert len(turn.trace_id) == 32
        assert kaname_sdk.current_span_id() == turn.span_id
    attributes = recorded.attributes("turn")
    assert attributes["input.value"] == '{"q":"?"}'
    assert attributes["output.value"] == "fine"
    assert json.loads(attributes["gen_ai.retrieval.documents"])[0]["id"] == "d1"
    assert attributes["app.version"] == 3
    assert kaname_sdk.current_trace_id() is None


def test_scopes_reach_every_span_inside_and_none_outside(recorded: Any) -> None:
    @observe
    def inside() -> None: ...

    outer = (
        kaname_sdk.session("s1"),
        kaname_sdk.user("u1"),
        kaname_sdk.tags("a", "b"),
        kaname_sdk.metadata(tier="gold"),
    )
    with ExitStack() as stack:
        for scope in (*outer, kaname_sdk.tags("b", "c"), kaname_sdk.metadata(n=1)):
            stack.enter_context(scope)
        inside()
    with span("outside"):
        pass
    attributes = recorded.attributes("inside")
    assert (attributes["session.id"], attributes["user.id"]) == ("s1", "u1")
    assert attributes["tag.tags"] == ("a", "b", "c")
    assert json.loads(attributes["metadata"]) == {"tier": "gold", "n": 1}
    assert recorded.attributes("outside") == {}


def test_scopes_follow_tasks_but_not_threads_of_others(recorded: Any) -> None:
    async def one(name: str) -> None:
        with kaname_sdk.session(name):
            await asyncio.sleep(0)
            with span(name):
                await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(one(f"s{i}") for i in range(10)))

    asyncio.run(main())
    thread = threading.Thread(target=lambda: span("other").__enter__().end())
    thread.start()
    thread.join()
    for recorded_span in recorded.all():
        expected = None if recorded_span.name == "other" else recorded_span.name
        assert (recorded_span.attributes or {}).get("session.id") == expected


def test_sampling_drops_whole_traces_and_encodes_nothing_for_them(record: Any) -> None:
    recorded = record(sample_rate=0.0)

    class Loud:
        def __repr__(self) -> str:
            raise AssertionError("an unsampled span must not look at its arguments")

    @observe
    def quiet(value: object) -> str:
        return "x"

    assert quiet(Loud()) == "x"
    assert recorded.all() == []


def test_instrument_is_idempotent(recorded: Any) -> None:
    first = kaname_sdk.instrument()
    assert kaname_sdk.instrument(url="http://other") is first
    with span("once"):
        pass
    assert len(recorded.all()) == 1


def test_it_starts_anew_after_shutdown(record: Any) -> None:
    first = record()
    with span("one"):
        pass
    assert first.one().name == "one"
    kaname_sdk.shutdown()
    second = record()
    with span("two"):
        pass
    assert second.one().name == "two"
