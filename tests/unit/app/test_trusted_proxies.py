"""Whose address and scheme count when a request came through proxies."""

import pytest

from kaname.app.proxies import TrustedProxies
from kaname.kernel.errors import ConfigurationError

PROXY, CLIENT = "10.0.0.1", "203.0.113.9"


def origin(peer: str, *headers: tuple[str, str], trusted: tuple[str, ...] = ("10.0.0.0/8", "fd00::/8")) -> tuple:
    scope = {
        "client": (peer, 5000),
        "scheme": "http",
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers],
    }
    TrustedProxies(trusted).apply(scope)
    return scope["client"][0], scope["scheme"]


def test_nobody_is_believed_by_default() -> None:
    claims = (("x-forwarded-for", CLIENT), ("x-forwarded-proto", "https"), ("forwarded", f"for={CLIENT}"))
    assert origin(PROXY, *claims, trusted=()) == (PROXY, "http")
    assert origin("198.51.100.1", *claims) == ("198.51.100.1", "http")


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        (CLIENT, CLIENT),
        (f"6.6.6.6, {CLIENT}", CLIENT),
        (f"6.6.6.6, {CLIENT}, 10.1.1.1,10.2.2.2", CLIENT),
        ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
        (f"{CLIENT}:4711", CLIENT),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        (f"::ffff:{CLIENT}", CLIENT),
        ("6.6.6.6, unknown, 10.1.1.1", "10.1.1.1"),
        ("6.6.6.6, , 10.1.1.1", "10.1.1.1"),
        ("6.6.6.6, 999.1.1.1", PROXY),
        ("\xff\x00, {}", PROXY),
        ("", PROXY),
    ],
)
def test_the_chain_is_walked_from_the_right(chain: str, client: str) -> None:
    assert origin(PROXY, ("x-forwarded-for", chain))[0] == client


def test_repeated_headers_are_one_list() -> None:
    assert origin(PROXY, ("x-forwarded-for", CLIENT), ("x-forwarded-for", "10.1.1.1"))[0] == CLIENT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"for={CLIENT}", (CLIENT, "http")),
        (f"For={CLIENT};proto=https;by=10.0.0.1", (CLIENT, "https")),
        ('for="[2001:db8::7]:80"; proto=https, for=10.1.1.1;proto=http', ("2001:db8::7", "https")),
        (f'for="x, for={CLIENT}', (CLIENT, "http")),
        ("for=6.6.6.6, for=_hidden", (PROXY, "http")),
        ("for=6.6.6.6, proto=https", (PROXY, "http")),
        (f"for={CLIENT};proto=gopher", (CLIENT, "http")),
    ],
)
def test_the_standard_header(value: str, expected: tuple[str, str]) -> None:
    assert origin(PROXY, ("forwarded", value)) == expected


def test_a_header_that_the_proxy_passes_on_unchecked_is_worth_nothing() -> None:
    assert origin(PROXY, ("x-forwarded-for", CLIENT), ("forwarded", "for=6.6.6.6"))[0] == PROXY
    assert origin(PROXY, ("x-forwarded-for", CLIENT), ("forwarded", f"for={CLIENT};proto=https")) == (CLIENT, "https")


@pytest.mark.parametrize(
    ("value", "scheme"), [("https", "https"), ("HTTPS", "https"), ("https, http", "http"), ("ftp", "http")]
)
def test_the_scheme_that_the_nearest_proxy_names(value: str, scheme: str) -> None:
    assert origin(PROXY, ("x-forwarded-for", CLIENT), ("x-forwarded-proto", value)) == (CLIENT, scheme)


def test_a_very_long_chain_costs_little_and_is_not_believed_to_its_end() -> None:
    chain = ", ".join(["6.6.6.6", *["10.1.1.1"] * 5000])
    assert origin(PROXY, ("x-forwarded-for", chain))[0] == "10.1.1.1"


def test_a_wrong_network_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="which is no network"):
        TrustedProxies(("10.0.0.0/99",))
