"""Who sent a request that came through reverse proxies: read from forwarding headers, but only from proxies of ours.

Any client can write these headers, so they count only when the peer is listed in `server.trusted_proxies`, and the
chain is walked from the right, past hops that are listed too: the first address that isn't is the client's. Whatever
can't be read ends the walk at the last address that is known. `X-Forwarded-For` and `Forwarded` (RFC 7239)
that disagree mean that the proxy passes one of them on unchecked: then only the peer is believed.
Applied to the management API, which counts by address, and to gateway keys that are bound to networks.
"""

import ipaddress
from collections.abc import Iterable, MutableMapping, Sequence
from typing import Any, NamedTuple

from kaname.kernel.errors import ConfigurationError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Headers = Iterable[tuple[bytes, bytes]]

MAX_HOPS = 32
"""Longer chains aren't walked further: no real one has so many, and each costs an address to parse."""
_SCHEMES = ("http", "https")


class _Hop(NamedTuple):
    """One element of a chain: for whom a proxy passed the request on, and how it had come to that proxy."""

    node: str
    scheme: str = ""


class TrustedProxies:
    """The proxies whose word counts; empty means that none does."""

    def __init__(self, networks: Sequence[str]) -> None:
        """Raises ConfigurationError for what is neither an address nor a network."""
        self._networks = [_network(text) for text in networks]

    def apply(self, scope: MutableMapping[str, Any]) -> None:
        """Replaces an ASGI scope's client and scheme by those of the outermost hop that can be believed."""
        peer = scope.get("client")
        address = _address(peer[0]) if self._networks and peer else None
        if address is None or not self._trusts(address):
            return
        client, scheme = self._origin(address, scope["headers"])
        scope["client"] = (str(client), 0)
        if scheme:
            scope["scheme"] = scheme

    def client(self, peer: str, headers: Headers) -> str:
        """The address of the client behind a peer, for those that have no scope."""
        address = _address(peer) if self._networks else None
        if address is None or not self._trusts(address):
            return peer
        return str(self._origin(address, list(headers))[0])

    def _origin(self, peer: Address, headers: Headers) -> tuple[Address, str]:
        found = {name: _joined(headers, name) for name in (b"x-forwarded-for", b"forwarded", b"x-forwarded-proto")}
        plain = [_Hop(node) for node in found[b"x-forwarded-for"].split(",")] if found[b"x-forwarded-for"] else []
        standard = _read_forwarded(found[b"forwarded"])
        client, scheme = self._walk(peer, standard or plain)
        if plain and standard and self._walk(peer, plain)[0] != client:
            client, scheme = peer, ""
        nearest = found[b"x-forwarded-proto"].rpartition(",")[2].strip().lower()
        return client, nearest if nearest in _SCHEMES else scheme

    def _walk(self, peer: Address, chain: Sequence[_Hop]) -> tuple[Address, str]:
        """The first address from the right that isn't a proxy of ours, else the leftmost."""
        client, scheme = peer, ""
        for hop in chain[: -MAX_HOPS - 1 : -1]:
            address = _address(hop.node)
            if address is None:
                break
            client, scheme = address, hop.scheme
            if not self._trusts(address):
                break
        return client, scheme

    def _trusts(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._networks)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as e:
        raise ConfigurationError(
            f"setting server.trusted_proxies has {text!r}, which is no network",
            hint="Write addresses or networks such as 10.0.0.0/8, ::1 or 192.0.2.7, separated by commas.",
        ) from e


def _address(node: str) -> Address | None:
    """The address in `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]` or `[::1]:80`; None for names and rubbish."""
    node = node.strip()
    if node.startswith("["):
        node = node[1:].partition("]")[0]
    elif node.count(":") == 1:
        node = node.partition(":")[0]
    try:
        address = ipaddress.ip_address(node.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _joined(headers: Headers, wanted: bytes) -> str:
    """All values of a header in order, as one list (RFC 9110 section 5.3)."""
    return ", ".join(value.decode("latin-1") for name, value in headers if name == wanted and value.strip())


def _read_forwarded(text: str) -> list[_Hop]:
    """The elements of `Forwarded` (RFC 7239 section 4), one without a readable `for` keeping its place.

    Commas inside quotes aren't heeded: no address has any, and a client's open quote must not
    swallow what a proxy adds.
    """
    hops: list[_Hop] = []
    for element in text.split(",")[-MAX_HOPS:] if text else ():
        split = (pair.partition("=") for pair in element.split(";"))
        pairs = {name.strip().lower(): value.strip().strip('"') for name, _, value in split}
        scheme = pairs.get("proto", "").lower()
        hops.append(_Hop(pairs.get("for", ""), scheme if scheme in _SCHEMES else ""))
    return hops
