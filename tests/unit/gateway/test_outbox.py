"""What is written soon leaves in order, together where there is much, and before anything that ends the connection."""

import asyncio
from collections.abc import Callable

from kaname.gateway.corked_transport import CorkedTransport
from kaname.gateway.outbox import Outbox


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_closed
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


def run(act: Callable[[CorkedTransport], object]) -> tuple[list[bytes], list[bytes]]:
    """What is on the wire at once, and at the end of the turn."""

    async def main() -> tuple[list[bytes], list[bytes]]:
        wire, outbox = Wire(), Outbox()
        outbox.post(lambda: None)  # somebody else's was the first
        act(CorkedTransport(wire, asyncio.get_running_loop(), outbox))
        at_once = list(wire.sent)
        await asyncio.sleep(0)
        return at_once, wire.sent

    return asyncio.run(main())


def test_it_leaves_at_the_end_of_the_turn_in_one_piece() -> None:
    def act(transport: CorkedTransport) -> None:
        transport.write_soon(b"a")
        transport.write_soon(b"b")

    assert run(act) == ([], [b"ab"])


def test_whatever_else_is_written_follows_it() -> None:
    def act(transport: CorkedTransport) -> None:
        transport.write_soon(b"a")
        transport.write(b"b")
        transport.write_soon(b"c")

    assert run(act) == ([b"a", b"b"], [b"a", b"b", b"c"])


def test_a_held_head_goes_before_it() -> None:
    def act(transport: CorkedTransport) -> None:
        transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
        transport.write_soon(b"event")

    assert run(act) == ([], [b"HTTP/1.1 200 OK\r\n\r\nevent"])


def test_a_head_after_it_stays_after_it() -> None:
    def act(transport: CorkedTransport) -> None:
        transport.write_soon(b"answer")
        transport.write(b"HTTP/1.1 200 OK\r\n\r\n")

    assert run(act) == ([b"answer"], [b"answer", b"HTTP/1.1 200 OK\r\n\r\n"])


def test_closing_sends_it_first() -> None:
    def act(transport: CorkedTransport) -> None:
        transport.write_soon(b"a")
        transport.close()

    assert run(act) == ([b"a"], [b"a"])


def test_an_aborted_connection_gets_nothing() -> None:
    def act(transport: CorkedTransport) -> None:
        transport.write_soon(b"a")
        transport.abort()

    assert run(act) == ([], [])


async def _turn(outbox: Outbox, writes: int) -> list[str]:
    """What happens in one turn with so many writes."""
    seen: list[str] = []
    for _ in range(writes):
        outbox.post(lambda: seen.append("write"))
    seen.append("end of work")
    await asyncio.sleep(0)
    return seen


def test_a_write_alone_is_made_at_once_and_many_together() -> None:
    async def main() -> list[list[str]]:
        outbox = Outbox()
        return [await _turn(outbox, writes) for writes in (1, 1, 2, 2, 1, 1)]

    work, write = "end of work", "write"
    assert asyncio.run(main()) == [
        [write, work],
        [write, work],
        [write, work, write],
        [work, write, write],
        [work, write],  # nobody knew yet that it would be alone
        [write, work],
    ]
