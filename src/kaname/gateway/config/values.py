"""Scalars of the configuration: addresses, durations, fractions."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from kaname.gateway.config.model import BaseUrl
from kaname.gateway.pool import Origin, is_private
from kaname.gateway.yaml_tree import Node

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNIT_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_base_url(url: str, *, allow_private: bool, ca_file: str, max_connections: int) -> BaseUrl:
    """Parses an upstream address; raises ValueError saying what is wrong with it."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must look like https://host/v1")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must not have a user, a query or a fragment")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must be printable ASCII without spaces")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    origin = Origin(parts.scheme, parts.hostname, port, allow_private, ca_file, max_connections)
    return BaseUrl(origin=origin, path=parts.path.rstrip("/"))


def names_private_host(host: str) -> bool:
    """Whether a host is literally private. A name is checked whenever it is resolved."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return is_private(host)


def duration_s(node: Node) -> float:
    """`250ms`, `30s`, `10m` or `1h`, in seconds."""
    match = _DURATION.fullmatch(node.text())
    seconds = float(match[1]) * _UNIT_S[match[2]] if match is not None else 0.0
    if not 0.001 <= seconds <= 86_400:
        node.refuse(f"{node.text()!r} isn't a duration", "Write `250ms`, `30s`, `10m` or `1h`, up to a day.")
    return seconds


def number(node: Node, least: float, most: float) -> float:
    """A number within bounds."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        node.refuse(f"expected a number from {least:g} to {most:g}")
    return float(value)


def word(node: Node, known: tuple[str, ...]) -> str:
    """One of a few words."""
    text = node.text()
    if text not in known:
        node.refuse(f"{text!r} isn't known here", f"Known: {', '.join(known)}.")
    return text
