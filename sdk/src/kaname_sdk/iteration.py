"""Generators under observation: each step of the body runs inside the span, each pause of the caller outside.

The context is attached and detached around every single step, because a generator's caller may run other spans between
two items, or drop it half-way, and may resume it in another task.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any

from kaname_sdk.observation import Observation

MAX_ITEMS = 10_000
Begin = Callable[[], Observation | None]


class ItemLog:
    """Collects yielded items within a bound; text chunks become one text."""

    def __init__(self) -> None:
        self._items: list[object] = []
        self._all_text = True
        self._more = 0

    def add(self, item: object) -> None:
        """Notes one item."""
        if len(self._items) >= MAX_ITEMS:
            self._more += 1
            return
        self._items.append(item)
        self._all_text = self._all_text and isinstance(item, str)

    def result(self) -> object:
        """The whole text, or the list of items."""
        if self._all_text and self._items:
            text = "".join(str(i) for i in self._items)
            return f"{text}…[{self._more} more items]" if self._more else text
        return [*self._items, f"… {self._more} more"] if self._more else self._items


def observe_iteration(inner: Generator[Any, Any, Any], begin: Begin, *, capture: bool) -> Generator[Any, Any, Any]:
    """A generator that behaves as `inner` and is a span from its first step to its end."""
    running = begin()
    if running is None:
        return (yield from inner)
    log, step = ItemLog(), (lambda: next(inner))
    try:
        while True:
            try:
                item = _inside(running, step)
            except StopIteration as stop:
                _finish(running, log, capture)
                return stop.value
            log.add(item)
            try:
                received = yield item
            except GeneratorExit:
                _inside(running, inner.close)
                _finish(running, log, capture)
                raise
            except BaseException as e:  # noqa: BLE001 - thrown on into the generator
                step = _call(inner.throw, e)
            else:
                step = _call(inner.send, received) if received is not None else (lambda: next(inner))
    except GeneratorExit:
        raise
    except BaseException as e:
        _finish(running, log, capture, e)
        raise


async def observe_async_iteration(
    inner: AsyncGenerator[Any, Any], begin: Begin, *, capture: bool
) -> AsyncGenerator[Any, Any]:
    """The same for an async generator."""
    running = begin()
    log = ItemLog()
    step: Callable[[], Awaitable[Any]] = inner.__anext__
    try:
        while True:
            try:
                item = await _inside_async(running, step)
            except StopAsyncIteration:
                _finish(running, log, capture)
                return
            log.add(item)
            try:
                received = yield item
            except GeneratorExit:
                await _inside_async(running, inner.aclose)
                _finish(running, log, capture)
                raise
            except BaseException as e:  # noqa: BLE001 - thrown on into the generator
                step = _call(inner.athrow, e)
            else:
                step = _call(inner.asend, received)
    except GeneratorExit:
        raise
    except BaseException as e:
        _finish(running, log, capture, e)
        raise


def _call(function: Callable[[Any], Any], argument: Any) -> Callable[[], Any]:
    return lambda: function(argument)


def _inside(running: Observation, step: Callable[[], Any]) -> Any:
    running.make_current()
    try:
        return step()
    finally:
        running.leave()


async def _inside_async(running: Observation | None, step: Callable[[], Awaitable[Any]]) -> Any:
    if running is None:
        return await step()
    running.make_current()
    try:
        return await step()
    finally:
        running.leave()


def _finish(running: Observation | None, log: ItemLog, capture: bool, error: BaseException | None = None) -> None:
    if running is None:
        return
    if capture:
        running.set_output(log.result())
    running.end(error)
