"""What one request says about caching: `cache-control`, `x-kaname-cache`, `metadata.kaname_cache`.

`no-cache` asks upstream and keeps the new answer; `no-store` keeps nothing; `max-age=N` takes only younger answers, N
in seconds; ours also: `off` (neither read nor kept), `exact` (no similar question's answer), `scope=key`, `ttl=N`.
A request can narrow what its route allows and never widen it. Unknown words of the standard header are ignored, as
RFC 9111 asks; unknown words of ours are refused, because nobody would notice them missing.
"""

from collections.abc import Mapping
from typing import NamedTuple

from kaname.kernel.errors import InvalidInputError

METADATA_KEY = "kaname_cache"
MAX_CHARS = 200
_WORDS = "no-cache, no-store, off, exact, scope=key, max-age=SECONDS, ttl=SECONDS"


class Control(NamedTuple):
    """One request's wishes."""

    read: bool = True
    store: bool = True
    semantic: bool = True
    own_scope: bool = False
    """Only the caller's own answers."""
    max_age_s: float | None = None
    ttl_s: float | None = None


DEFAULT = Control()


def read_control(headers: Mapping[bytes, bytes], metadata: Mapping[str, str]) -> Control:
    """The wishes of a request; raises InvalidInputError (`x-kaname-cache`)."""
    standard = headers.get(b"cache-control")
    ours = headers.get(b"x-kaname-cache")
    said = metadata.get(METADATA_KEY) if metadata else None
    if standard is None and ours is None and said is None:
        return DEFAULT
    control = DEFAULT
    if standard is not None:
        control = _apply(control, standard.decode("latin-1"), "cache-control", strict=False)
    if said is not None:
        control = _apply(control, said, f"metadata.{METADATA_KEY}", strict=True)
    if ours is not None:
        control = _apply(control, ours.decode("latin-1"), "x-kaname-cache", strict=True)
    return control


def _apply(control: Control, text: str, where: str, *, strict: bool) -> Control:
    if strict and len(text) > MAX_CHARS:
        raise InvalidInputError(f"{where} has more than {MAX_CHARS} characters", hint=f"Words: {_WORDS}.", param=where)
    for part in text.split(","):
        name, _, value = part.strip().lower().partition("=")
        if name == "no-cache":
            control = control._replace(read=False)
        elif name == "no-store":
            control = control._replace(store=False)
        elif name in ("max-age", "ttl") and value.isascii() and value.isdigit() and len(value) < 10:
            seconds = float(value)
            if name == "max-age":
                control = control._replace(max_age_s=seconds, read=control.read and seconds > 0)
            elif strict:
                control = control._replace(ttl_s=seconds, store=control.store and seconds > 0)
        elif strict and name in ("off", "bypass"):
            control = control._replace(read=False, store=False)
        elif strict and name == "exact":
            control = control._replace(semantic=False)
        elif strict and (name, value) == ("scope", "key"):
            control = control._replace(own_scope=True)
        elif strict and (name, value) != ("scope", "project"):
            raise InvalidInputError(f"{where}: {part.strip()!r} isn't known", hint=f"Words: {_WORDS}.", param=where)
    return control
