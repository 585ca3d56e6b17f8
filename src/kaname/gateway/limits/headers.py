"""Rate limits as answer headers: OpenAI's `x-ratelimit-…` and Anthropic's `anthropic-ratelimit-…`.

Each says the limit of a minute, what is free now, and when all of it will be: as a
duration (OpenAI) or a time (Anthropic).
Sources: platform.openai.com/docs/guides/rate-limits, docs.anthropic.com/en/api/rate-limits.
"""

from datetime import datetime, timedelta

from kaname.gateway.limits.gcra import Gcra
from kaname.gateway.openai_errors import Headers


def openai_headers(requests: Gcra | None, tokens: Gcra | None, now: float) -> Headers:
    """`x-ratelimit-{limit,remaining,reset}-{requests,tokens}`."""
    headers: Headers = []
    if requests is not None:
        headers += (
            (b"x-ratelimit-limit-requests", b"%d" % requests.limit),
            (b"x-ratelimit-remaining-requests", b"%d" % requests.remaining(now)),
            (b"x-ratelimit-reset-requests", b"%dms" % (requests.full_in_s(now) * 1000)),
        )
    if tokens is not None:
        headers += (
            (b"x-ratelimit-limit-tokens", b"%d" % tokens.limit),
            (b"x-ratelimit-remaining-tokens", b"%d" % tokens.remaining(now)),
            (b"x-ratelimit-reset-tokens", b"%dms" % (tokens.full_in_s(now) * 1000)),
        )
    return headers


def openai_lines(requests: Gcra | None, tokens: Gcra | None, now: float) -> bytes:
    """`openai_headers` as lines, in one formatting: every answer of a limited key has them."""
    lines = b""
    if requests is not None:
        lines = (
            b"x-ratelimit-limit-requests: %d\r\nx-ratelimit-remaining-requests: %d\r\n"
            b"x-ratelimit-reset-requests: %dms\r\n"
            % (requests.limit, requests.remaining(now), requests.full_in_s(now) * 1000)
        )
    if tokens is not None:
        lines += (
            b"x-ratelimit-limit-tokens: %d\r\nx-ratelimit-remaining-tokens: %d\r\nx-ratelimit-reset-tokens: %dms\r\n"
            % (tokens.limit, tokens.remaining(now), tokens.full_in_s(now) * 1000)
        )
    return lines


def anthropic_headers(requests: Gcra | None, tokens: Gcra | None, now: float, at: datetime) -> Headers:
    """`anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}`."""
    headers: Headers = []
    for kind, bucket in ((b"requests", requests), (b"tokens", tokens)):
        if bucket is not None:
            reset = at + timedelta(seconds=bucket.full_in_s(now))
            headers += (
                (b"anthropic-ratelimit-%b-limit" % kind, b"%d" % bucket.limit),
                (b"anthropic-ratelimit-%b-remaining" % kind, b"%d" % bucket.remaining(now)),
                (b"anthropic-ratelimit-%b-reset" % kind, reset.strftime("%Y-%m-%dT%H:%M:%SZ").encode()),
            )
    return headers
