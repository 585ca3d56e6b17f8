"""`@observe`: a function becomes a span, with its arguments as input and its result as output.

Plain functions, coroutines, generators and async generators; for the last two the span lasts from the first item to the
end of the iteration, and the items are the output. The function behaves exactly as before, whatever happens here.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any, ParamSpec, TypeVar, cast, overload

from kaname_sdk.iteration import observe_async_iteration, observe_iteration
from kaname_sdk.observation import KINDS, Kind, Observation, begin, kind_attributes

P = ParamSpec("P")
R = TypeVar("R")


@overload
def observe(function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def observe(
    *, name: str | None = None, kind: Kind = "span", capture_input: bool = True, capture_output: bool = True
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def observe(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    kind: Kind = "span",
    capture_input: bool = True,
    capture_output: bool = True,
) -> Any:
    """Decorates a function, with or without arguments. `kind` says what the step is; see `Kind`."""
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} isn't one of {', '.join(KINDS)}")

    def decorate(target: Callable[..., Any]) -> Callable[..., Any]:
        step = _Step(target, name, kind, capture_input=capture_input, capture_output=capture_output)
        if inspect.isasyncgenfunction(target):
            return _wrap_async_generator(target, step)
        if inspect.isgeneratorfunction(target):
            return _wrap_generator(target, step)
        if inspect.iscoroutinefunction(target):
            return _wrap_coroutine(target, step)
        return _wrap_plain(target, step)

    return decorate if function is None else decorate(function)


class _Step:
    """What is known about a decorated function beforehand."""

    __slots__ = ("_attributes", "_capture_input", "_names", "_skip", "capture_output", "name")

    def __init__(
        self, target: Callable[..., Any], name: str | None, kind: Kind, *, capture_input: bool, capture_output: bool
    ) -> None:
        self.name = name or getattr(target, "__name__", type(target).__name__)
        self.capture_output = capture_output
        self._capture_input = capture_input
        self._attributes = kind_attributes(kind, self.name)
        self._names = _positional_names(target)
        # A method's own object is neither interesting nor cheap to show.
        self._skip = 1 if self._names[:1] in (("self",), ("cls",)) else 0

    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Observation | None:
        if not self._capture_input:
            return begin(self.name, self._attributes)
        # Not inspect.bind: it costs more than the rest of the span together.
        given: dict[str, Any] = dict(zip(self._names[self._skip :], args[self._skip :], strict=False))
        if len(args) > len(self._names):
            given["args"] = args[len(self._names) :]
        given.update(kwargs)
        return begin(self.name, self._attributes, inputs=given, has_inputs=bool(given))


def _positional_names(target: Callable[..., Any]) -> tuple[str, ...]:
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):  # some built-ins have none
        return ()
    return tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))


def _wrap_plain(target: Callable[..., Any], step: _Step) -> Callable[..., Any]:
    @functools.wraps(target)
    def observed(*args: Any, **kwargs: Any) -> Any:
        running = step.begin(args, kwargs)
        if running is None:
            return target(*args, **kwargs)
        running.make_current()
        try:
            result = target(*args, **kwargs)
        except BaseException as e:
            running.leave()
            running.end(e)
            raise
        running.leave()
        if inspect.isawaitable(result) or inspect.isgenerator(result) or inspect.isasyncgen(result):
            return _follow(result, running, step)
        if step.capture_output:
            running.set_output(result)
        running.end()
        return result

    return observed


def _follow(result: Any, running: Observation, step: _Step) -> Any:
    """A plain function that returned something lazy: the span lasts until that is done."""
    if inspect.isgenerator(result):
        return observe_iteration(result, lambda: running, capture=step.capture_output)
    if inspect.isasyncgen(result):
        return observe_async_iteration(result, lambda: running, capture=step.capture_output)
    if inspect.iscoroutine(result):
        return _await(result, running, step)
    running.end()  # futures and other awaitables are handed through: wrapping them would change their type
    return result


async def _await(coroutine: Awaitable[Any], running: Observation, step: _Step) -> Any:
    running.make_current()
    try:
        result = await coroutine
    except BaseException as e:
        running.leave()
        running.end(e)
        raise
    running.leave()
    if step.capture_output:
        running.set_output(result)
    running.end()
    return result


def _wrap_coroutine(target: Callable[..., Any], step: _Step) -> Callable[..., Any]:
    @functools.wraps(target)
    async def observed(*args: Any, **kwargs: Any) -> Any:
        running = step.begin(args, kwargs)
        if running is None:
            return await target(*args, **kwargs)
        return await _await(target(*args, **kwargs), running, step)

    return observed


def _wrap_generator(target: Callable[..., Any], step: _Step) -> Callable[..., Any]:
    @functools.wraps(target)
    def observed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        inner = cast("Generator[Any, Any, Any]", target(*args, **kwargs))
        return (yield from observe_iteration(inner, lambda: step.begin(args, kwargs), capture=step.capture_output))

    return observed


def _wrap_async_generator(target: Callable[..., Any], step: _Step) -> Callable[..., Any]:
    @functools.wraps(target)
    async def observed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = cast("AsyncGenerator[Any, Any]", target(*args, **kwargs))
        outer = observe_async_iteration(inner, lambda: step.begin(args, kwargs), capture=step.capture_output)
        # Async generators have no `yield from`: values and exceptions are passed by hand.
        received: Any = None
        try:
            item = await anext(outer)
            while True:
                try:
                    received = yield item
                except GeneratorExit:
                    raise
                except BaseException as e:  # noqa: BLE001 - thrown on into the generator
                    item = await outer.athrow(e)
                else:
                    item = await outer.asend(received)
        except StopAsyncIteration:
            return
        finally:
            await outer.aclose()

    return observed
