"""A call that runs without a task, and what makes it one."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from kaname.gateway.inline_call import PARKED, InlineCall

Body = Callable[[InlineCall, list[str]], Coroutine[Any, Any, None]]


async def run(body: Body, act: Callable[[InlineCall], object] = lambda _: None) -> tuple[list[str], list[object]]:
    """What the body noted, and the owners that were told of its end."""
    seen: list[str] = []
    ended: list[object] = []
    call = InlineCall(asyncio.get_running_loop(), ended.append)
    call.owner = "owner"
    call.start(body(call, seen))
    act(call)
    for _ in range(20):
        await asyncio.sleep(0)
    return seen, ended


async def parks(call: InlineCall, seen: list[str]) -> None:
    seen.append("before")
    try:
        await PARKED
    except asyncio.CancelledError:
        seen.append("cancelled")
        call.uncancel()
        raise
    seen.append("after")


async def needs_a_task(call: InlineCall, seen: list[str]) -> None:
    await PARKED
    await call.into_task()
    async with asyncio.timeout(5):
        await asyncio.sleep(0)
        seen.append("in a task" if asyncio.current_task() is not None else "not")
    await call.into_task()
    seen.append("still")


async def waits_for_something(call: InlineCall, seen: list[str]) -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    seen.append("inline" if call.is_inline else "task")


def test_it_runs_where_it_is_resumed() -> None:
    assert asyncio.run(run(parks, InlineCall.resume)) == (["before", "after"], ["owner"])


def test_it_waits_until_it_is_resumed() -> None:
    assert asyncio.run(run(parks)) == (["before"], [])


def test_cancelled_while_parked() -> None:
    assert asyncio.run(run(parks, InlineCall.cancel)) == (["before", "cancelled"], ["owner"])


def test_what_needs_a_task_gets_one() -> None:
    assert asyncio.run(run(needs_a_task, InlineCall.resume)) == (["in a task", "still"], ["owner"])


def test_waiting_for_anything_else_makes_it_a_task() -> None:
    async def wait() -> tuple[list[str], list[object]]:
        seen, ended = await run(waits_for_something)
        await asyncio.sleep(0.05)
        return seen, ended

    assert asyncio.run(wait()) == (["task"], ["owner"])


def test_a_task_is_cancelled_like_one() -> None:
    async def body(call: InlineCall, seen: list[str]) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            seen.append("ended")

    assert asyncio.run(run(body, InlineCall.cancel)) == (["ended"], ["owner"])


def test_a_defect_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    async def body(call: InlineCall, seen: list[str]) -> None:
        raise LookupError("defect")

    assert asyncio.run(run(body)) == ([], ["owner"])
    assert "a gateway call broke" in caplog.text
