"""Values chosen to break readers: each must give a clear refusal, never a crash and never more than a bounded cost."""

import gzip
import random
import zlib
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from kaname.access.naming import check_future, fold_email
from kaname.gateway.caller_context import open_record, read_body, read_headers
from kaname.gateway.decode import decode_request, encode_for_upstream
from kaname.gateway.pool import is_private
from kaname.gateway.pricing.project_price import PriceDraft, check_draft
from kaname.kernel.errors import InvalidInputError, TooLargeError
from kaname.traces.otlp.http_body import inflate
from kaname.traces.routes_model_scores import ScoreIn, ScoreTargetIn
from kaname.traces.scores import check_value

LIMIT = 4 << 20
PRICES = {"input_uncached": Decimal(1)}
DEEP = b"[" * 600 + b"]" * 600


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 70_000, 3_000_000])
def test_every_encoding_of_every_size_inflates(size: int) -> None:
    plain = random.Random(size).randbytes(size)
    two_members = gzip.compress(plain[: size // 2]) + gzip.compress(plain[size // 2 :])
    assert inflate(gzip.compress(plain), "gzip", LIMIT) == plain
    assert inflate(two_members, "gzip", LIMIT) == plain
    assert inflate(zlib.compress(plain), "deflate", LIMIT) == plain
    assert inflate(zlib.compress(plain)[2:-4], "deflate", LIMIT) == plain
    for cut in (b"", gzip.compress(plain)[:-1], two_members[:-1]):
        with pytest.raises(InvalidInputError):
            inflate(cut, "gzip", LIMIT)


def test_the_limit_is_on_the_inflated_size() -> None:
    bomb = gzip.compress(bytes(LIMIT))
    assert len(inflate(bomb, "gzip", LIMIT)) == LIMIT
    with pytest.raises(TooLargeError):
        inflate(bomb, "gzip", LIMIT - 1)


def test_a_body_of_countless_empty_gzip_members_is_refused() -> None:
    # 400 kB of them; it took time with the square of their number.
    with pytest.raises(InvalidInputError, match="members"):
        inflate(gzip.compress(b"") * 20_000, "gzip", LIMIT)


def test_an_expiry_that_utc_cannot_express_is_refused() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    check_future(now + timedelta(days=1), now)
    for at in (datetime.max.replace(tzinfo=timezone(timedelta(hours=-23))), datetime.max.replace(tzinfo=UTC)):
        with pytest.raises(InvalidInputError) as refused:
            check_future(at, now)
        assert refused.value.param == "expires_at"


def test_an_address_is_folded_alike_for_storing_and_for_login() -> None:
    assert fold_email(" ＡＬＩＣＥ＠Example.com ") == "alice@example.com"


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan")])
def test_a_score_beyond_doubles_is_refused(value: float) -> None:
    body = ScoreIn.model_construct(name="s", value=value, label=None, text=None, data_type=None, target=ScoreTargetIn())
    with pytest.raises(InvalidInputError) as refused:
        check_value(body)
    assert refused.value.param == "value"


def test_metadata_nested_deeper_than_json_is_written_is_refused() -> None:
    record = open_record("chat_completions", {})
    with pytest.raises(InvalidInputError) as refused:
        read_headers(record, {b"x-kaname-metadata": b'{"a":' + DEEP + b"}"})
    assert refused.value.param == "metadata"
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}],"metadata":{"a":' + DEEP + b"}}"
    with pytest.raises(InvalidInputError):
        read_body(record, decode_request("chat_completions", body).document)


def test_stream_options_nested_deeper_than_json_is_written_are_refused() -> None:
    head = b'{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true,'
    request = decode_request("chat_completions", head + b'"stream_options":{"a":' + DEEP + b"}}")
    with pytest.raises(InvalidInputError) as refused:
        encode_for_upstream(request, "other", add_usage=True)
    assert refused.value.param == "stream_options"


@pytest.mark.parametrize(
    "pattern",
    [
        "(a|aa)" * 30 + "b",
        "a?" * 60 + "a" * 60,
        "(a+)+b",
        "(a*)*",
        "a*a*a*a*",
        "(a|b|ab){9}c",
        r"(a)\1",
        "(?P<x>a)(?P=x)",
    ],
)
def test_a_price_pattern_that_could_take_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_draft(PriceDraft(match="regex", pattern=pattern, prices=PRICES))
    assert refused.value.param == "pattern"


@pytest.mark.parametrize(
    "pattern",
    [r"gpt-4o(-mini)?(-\d{4}-\d{2}-\d{2})?", "(?:openai|azure)/gpt-.*", "a|b|c|d", r"claude-[a-z]+-\d+(\.\d)?.*"],
)
def test_usual_price_patterns_are_taken(pattern: str) -> None:
    check_draft(PriceDraft(match="regex", pattern=pattern, prices=PRICES))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "::1", "::", "0.0.0.0", "10.0.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "fd00::1",
        "fe80::1%eth0", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_no_spelling_of_a_private_address_passes(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_public_addresses_pass(address: str) -> None:
    assert not is_private(address)
