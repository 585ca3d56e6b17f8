"""The section `server`, and the one list of all sections."""

from dataclasses import dataclass
from pathlib import Path

from kaname.kernel.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Section `server`."""

    host: str = setting("127.0.0.1", "Address to listen on. Anything but loopback is reachable by others: use TLS.")
    port: int = setting(8700, "Port to listen on; 0 takes a free one.")
    public_url: str = setting("", "URL under which people and SDKs reach the server; empty: from host and port.")
    data_dir: Path = setting(Path("~/.kaname").expanduser(), "Folder that holds everything the server keeps.")
    log_level: str = setting("info", "Least level that is logged: debug, info, warning or error.")
    drain_s: float = setting(15.0, "Seconds that open requests may take to finish when the server stops.")
    metrics_loopback: bool = setting(
        False, "Whether `/metrics` answers clients on this machine without a key; through a proxy it never does."
    )
    trusted_proxies: tuple[str, ...] = setting(
        (),
        "Addresses or networks (CIDR) of reverse proxies whose X-Forwarded-For, X-Forwarded-Proto and Forwarded headers"
        " are believed. They must set these headers themselves.",
    )
