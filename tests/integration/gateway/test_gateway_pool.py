"""The upstream pool by itself: reuse, limits, TLS, private addresses."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import Callable, Coroutine, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from integration.gateway.fault_upstream import BEHAVIOURS, COMPLETION, FaultUpstream
from kaname.gateway.connection import UpstreamConnection
from kaname.gateway.pool import Origin, Pool, is_private
from kaname.gateway.upstream_response import Timeouts, UpstreamResponse
from kaname.kernel.errors import UnavailableError, UpstreamError, UpstreamTimeoutError

QUICK = Timeouts(connect_s=0.3, first_byte_s=5.0, stall_s=5.0, total_s=10.0)


class Holder:
    response: UpstreamResponse | None = None


@pytest.fixture(scope="module")
def upstream() -> Iterator[FaultUpstream]:
    with FaultUpstream(BEHAVIOURS) as running:
        yield running


def run(work: Callable[[Pool], Coroutine[None, None, None]]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        pool = Pool(loop)
        try:
            await work(pool)
        finally:
            pool.close()

    asyncio.run(main())


def origin_of(upstream: FaultUpstream, **changes: object) -> Origin:
    return Origin("http", "127.0.0.1", upstream.port, allow_private=True)._replace(**changes)  # type: ignore[arg-type]


async def fetch(pool: Pool, origin: Origin, mode: str = "ok", timeouts: Timeouts = QUICK) -> tuple[int, bytes, bool]:
    head = f"POST /{mode}/v1/chat/completions HTTP/1.1\r\nhost: {origin.host}\r\ncontent-length: 2\r\n\r\n".encode()
    deadline = asyncio.get_running_loop().time() + timeouts.total_s
    sent = await pool.send(origin, head, b"{}", timeouts, deadline, Holder())
    try:
        return sent.response.status, await sent.response.read_all(1 << 20), sent.reused
    finally:
        sent.response.abort()


def test_connections_are_reused(upstream: FaultUpstream) -> None:
    async def work(pool: Pool) -> None:
        origin = origin_of(upstream)
        first, second = await fetch(pool, origin), await fetch(pool, origin)
        assert first == (200, COMPLETION, False)
        assert second == (200, COMPLETION, True)
        assert pool.open_connections(origin) == 1

    run(work)


def test_the_limit_makes_calls_wait_and_then_refuses(upstream: FaultUpstream) -> None:
    async def work(pool: Pool) -> None:
        origin = origin_of(upstream, max_connections=3)
        answers = await asyncio.gather(*(fetch(pool, origin) for _ in range(30)))
        assert [a[0] for a in answers] == [200] * 30
        assert pool.open_connections(origin) <= 3
        hanging = [asyncio.ensure_future(fetch(pool, origin, "hang")) for _ in range(3)]
        with pytest.raises(UnavailableError) as caught:
            await asyncio.gather(*(fetch(pool, origin) for _ in range(2)))
        assert caught.value.code == "overloaded"
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        assert (await fetch(pool, origin))[0] == 200, "cancelled calls give their places back"

    run(work)


def test_an_answer_over_the_limit_closes_the_connection(upstream: FaultUpstream) -> None:
    async def work(pool: Pool) -> None:
        origin = origin_of(upstream)
        head = b"POST /ok/v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n"
        sent = await pool.send(origin, head, b"{}", QUICK, asyncio.get_running_loop().time() + 5, Holder())
        with pytest.raises(UpstreamError) as caught:
            await sent.response.read_all(10)
        assert caught.value.code == "upstream_response_too_large"
        sent.response.abort()

    run(work)


def test_an_address_that_does_not_answer_is_a_timeout() -> None:
    async def work(pool: Pool) -> None:
        server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0, ssl=None)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UpstreamTimeoutError) as caught:  # TLS to a port that never says a word
            await fetch(pool, Origin("https", "127.0.0.1", port, allow_private=True))
        assert caught.value.code == "upstream_connect_timeout"
        assert pool.open_connections(Origin("https", "127.0.0.1", port, allow_private=True)) == 0
        server.close()

    run(work)


def test_a_name_with_a_private_address_is_refused(upstream: FaultUpstream) -> None:
    async def work(pool: Pool) -> None:
        with pytest.raises(UpstreamError) as caught:
            await fetch(pool, Origin("http", "localhost", upstream.port))
        assert caught.value.code == "upstream_private_address"

    run(work)


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("127.0.0.1", True), ("10.1.2.3", True), ("169.254.169.254", True), ("100.64.0.1", True), ("0.0.0.0", True),
        ("::1", True), ("fe80::1%eth0", True), ("fd00::1", True), ("::ffff:192.168.0.1", True), ("2002:7f00:1::", True),
        ("224.0.0.1", True), ("8.8.8.8", False), ("2606:4700:4700::1111", False), ("::ffff:8.8.8.8", False),
    ],
)  # fmt: skip
def test_private_addresses(address: str, private: bool) -> None:
    assert is_private(address) is private


def test_tls_is_verified(tmp_path: Path) -> None:
    certificate, server_context = _certificate(tmp_path)

    async def work(pool: Pool) -> None:
        origin = Origin("https", "localhost", tls.port, allow_private=True)
        with pytest.raises(UpstreamError) as caught:
            await fetch(pool, origin)
        assert caught.value.code == "upstream_tls"
        trusted = origin._replace(ca_file=str(certificate))
        assert (await fetch(pool, trusted))[:2] == (200, COMPLETION)
        assert (await fetch(pool, trusted))[2]
        with pytest.raises(UpstreamError):  # the certificate is for another name
            await fetch(pool, trusted._replace(host="127.0.0.2"))

    with FaultUpstream(BEHAVIOURS, tls=server_context) as tls:
        run(work)


def _certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = folder / "cert.pem", folder / "key.pem"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_path, key_path)
    return certificate_path, context


class _Transport(asyncio.Transport):
    """A socket that goes nowhere."""

    def is_closing(self) -> bool:
        return False

    def write(self, data: object) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def abort(self) -> None:
        pass


ANSWER = (
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
)


@given(st.lists(st.integers(0, len(ANSWER)), max_size=12))
def test_an_answer_split_anywhere_is_the_same(cuts: list[int]) -> None:
    async def main() -> None:
        freed: list[UpstreamConnection] = []
        connection = UpstreamConnection(asyncio.get_running_loop())
        connection.connection_made(_Transport())
        connection.belongs_to(freed.append, lambda _: None)
        response = connection.send(b"", b"", QUICK, asyncio.get_running_loop().time() + 10)
        edges = [0, *sorted(cuts), len(ANSWER)]
        for a, b in pairwise(edges):
            if a < b:
                connection.data_received(ANSWER[a:b])
        while not response.status:
            await response.wait()
        assert (response.status, response.headers[b"content-type"]) == (200, b"a/b")
        assert await response.read_all(100) == b"hello world"
        assert freed == [connection]

    asyncio.run(main())


@given(st.binary(max_size=200), st.integers(0, 60))
def test_any_bytes_of_an_upstream_end_in_an_answer_or_an_error(data: bytes, keep: int) -> None:
    async def main() -> None:
        connection = UpstreamConnection(asyncio.get_running_loop())
        connection.connection_made(_Transport())
        response = connection.send(b"", b"", QUICK, asyncio.get_running_loop().time() + 10)
        connection.data_received(ANSWER[:keep] + data)
        connection.connection_lost(None)
        try:
            while not response.status:
                await response.wait()
            await response.read_all(10_000)
        except UpstreamError:
            pass

    asyncio.run(main())
