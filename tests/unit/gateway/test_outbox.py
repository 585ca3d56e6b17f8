"""What is written soon leaves together, in order, and before anything that ends the connection."""

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
        wire = Wire()
        act(CorkedTransport(wire, asyncio.get_running_loop(), Outbox()))
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


def test_each_turn_has_its_own_writes() -> None:
    async def main() -> list[str]:
        outbox, seen = Outbox(), list[str]()
        outbox.post(lambda: outbox.post(lambda: seen.append("second turn")))
        outbox.post(lambda: seen.append("first turn"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return seen

    assert asyncio.run(main()) == ["first turn", "second turn"]
