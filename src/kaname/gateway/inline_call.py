"""Runs a call's coroutine in the callbacks that bring it on, without an asyncio task while it needs none.

A task, its future for every wait, and a turn of the event loop for every step cost a gateway call more than its routing
does. An ordinary call waits for nothing but its upstream: its first step runs where its request was read, the next
where the answer was. As soon as it waits for anything else (a new connection, a slow client, a back-off) it goes on as
a task, for good. Code that needs to be in a task, such as `asyncio.timeout`, awaits `into_task` first.
Invariant: no step runs while another one of the same call does, nor inside another task.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any

Waited = object
"""What a coroutine yields to whoever runs it: a future, None, or one of the two marks below."""


class _Mark:
    """An awaitable that yields itself, for an `InlineCall` to see."""

    __slots__ = ()

    def __await__(self) -> Generator[Waited, None, None]:
        yield self


PARKED = _Mark()
"""Awaited until `resume` is called."""
_INTO_TASK = _Mark()


class InlineCall:
    """One call. Has of `asyncio.Task` what a server does with one: `cancel`, and a place in a set."""

    __slots__ = ("_coroutine", "_is_cancelled", "_loop", "_on_end", "_task", "is_inline", "owner")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_end: Callable[[object], object]) -> None:
        """`on_end` is called with the owner, once, when the coroutine has ended in whatever way."""
        self.owner: object = None
        self.is_inline = True
        self._loop = loop
        self._on_end = on_end
        self._coroutine: Coroutine[Waited, None, None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_cancelled = False

    @property
    def is_running(self) -> bool:
        """Whether it has begun and hasn't ended."""
        return self._coroutine is not None

    def start(self, coroutine: Coroutine[Any, None, None]) -> None:
        """Runs the first step."""
        self._coroutine = coroutine
        self.resume()

    def resume(self) -> None:
        """Runs the next step of a parked call."""
        coroutine = self._coroutine
        assert coroutine is not None
        try:
            waited = coroutine.send(None)
        except StopIteration:
            self._end()
        except BaseException as e:  # noqa: BLE001 - as a task does: the loop's handler is told
            self._end()
            self._fail(e)
        else:
            if waited is not PARKED:
                self._hand_over(coroutine, waited)

    def cancel(self, msg: object = None) -> None:
        """Raises CancelledError in it, soon."""
        if self._task is not None:
            self._task.cancel(msg)
        elif self._coroutine is not None and not self._is_cancelled:
            self._is_cancelled = True
            self._loop.call_soon(self._throw)

    def uncancel(self) -> None:
        """The call has taken note and does its last things."""
        self._is_cancelled = False
        if self._task is not None:
            self._task.uncancel()

    async def into_task(self) -> None:
        """Goes on as a task."""
        if self.is_inline:
            await _INTO_TASK

    def _throw(self) -> None:
        coroutine = self._coroutine
        if self._task is not None:  # it has become one meanwhile
            self._task.cancel()
        elif coroutine is not None and self._is_cancelled:
            try:
                waited = coroutine.throw(asyncio.CancelledError())
            except (StopIteration, asyncio.CancelledError):
                self._end()
            except BaseException as e:  # noqa: BLE001 - the same
                self._end()
                self._fail(e)
            else:
                if waited is not PARKED:
                    self._hand_over(coroutine, waited)

    def _hand_over(self, coroutine: Coroutine[Waited, None, None], waited: Waited) -> None:
        self.is_inline = False
        task = self._task = self._loop.create_task(_go_on(coroutine, waited))
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._end()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _end(self) -> None:
        self._coroutine = self._task = None
        self.is_inline = False
        owner, self.owner = self.owner, None
        on_end, self._on_end = self._on_end, _nothing
        on_end(owner)

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error
        self._loop.call_exception_handler({"message": "a gateway call broke", "exception": error})


async def _go_on(coroutine: Coroutine[Waited, None, None], waited: Waited) -> None:
    await _Rest(coroutine, waited)


class _Rest:
    """The rest of a coroutine that has begun, and waits for something, as an awaitable."""

    __slots__ = ("_coroutine", "_waited")

    def __init__(self, coroutine: Coroutine[Waited, None, None], waited: Waited) -> None:
        self._coroutine = coroutine
        self._waited = waited

    def __await__(self) -> Generator[Waited, object, None]:
        coroutine, waited = self._coroutine, self._waited
        try:
            if waited is _INTO_TASK:
                waited = coroutine.send(None)
            while True:
                try:
                    yield waited
                except BaseException as e:  # noqa: BLE001 - it is the coroutine's
                    waited = coroutine.throw(e)
                else:
                    waited = coroutine.send(None)
        except StopIteration:
            return


def _nothing(_: object) -> None:
    """Stands in after the end."""
