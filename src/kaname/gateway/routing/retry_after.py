"""How long an upstream asks us to stay away: `retry-after-ms`, or `retry-after` in seconds or as an HTTP date.

It reads and bounds; what to do with the number is `backoff.py`'s and `breaker.py`'s matter. It never raises: an
upstream that writes rubbish is one that said nothing.
"""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER_S = 3600.0
"""Longer waits are cut to this: a key that cools for a day would need a person to bring it back."""

_ABSURD_S = 7 * 86_400.0
"""Beyond this the number isn't a wait (some upstreams write a Unix time) and says nothing."""

_NUMBER = re.compile(rb"[ \t]*(\d{1,15}(?:\.\d{0,9})?)[ \t]*")
_LONGEST_DATE = 40


def parse_retry_after(headers: Mapping[bytes, bytes], now: float) -> float | None:
    """Return the wait in seconds, 0 to 3,600, or None; header names are lower case, `now` is Unix time.

    `retry-after-ms` wins when it can be read, as in the official SDKs. Dates: RFC 9110, section 5.6.7.
    """
    milliseconds = headers.get(b"retry-after-ms")
    if milliseconds is not None:
        wait_s = _read_number(milliseconds)
        if wait_s is not None and wait_s / 1000 <= _ABSURD_S:
            return min(wait_s / 1000, MAX_RETRY_AFTER_S)
    value = headers.get(b"retry-after")
    if value is None:
        return None
    wait_s = _read_number(value)
    if wait_s is None:
        wait_s = _read_date(value, now)
    if wait_s is None or not 0 <= wait_s <= _ABSURD_S:
        return None
    return min(wait_s, MAX_RETRY_AFTER_S)


def _read_number(value: bytes) -> float | None:
    match = _NUMBER.fullmatch(value)
    return None if match is None else float(match[1])


def _read_date(value: bytes, now: float) -> float | None:
    if len(value) > _LONGEST_DATE:
        return None
    try:
        moment = parsedate_to_datetime(value.decode("ascii"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp() - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
