"""How long a request's texts, or an answer, may be; in characters."""

from kaname.gateway.guardrails.model import GuardKind, Options, Side, Subject


class LengthGuard:
    """See `CallGuard`."""

    __slots__ = ("_least", "_most")

    def __init__(self, most: int, least: int) -> None:
        self._most = most
        self._least = least

    async def check(self, subject: Subject) -> str:
        size = len(subject.text)
        if size > self._most:
            return f"{size} characters, at most {self._most} are allowed"
        return f"{size} characters, at least {self._least} are needed" if size < self._least else ""


def _build(options: Options, side: Side) -> LengthGuard:
    most = options.integer("max_chars", 1, 1 << 30, 1 << 30)
    least = options.integer("min_chars", 0, 1 << 30, 0)
    if least > most or not (options.has("max_chars") or options.has("min_chars")):
        raise options.refuse("max_chars", "there is no limit that could hold", "Write `{length: {max_chars: 4000}}`.")
    return LengthGuard(most, least)


LENGTH = GuardKind(name="length", build=_build, options=("max_chars", "min_chars"), main="max_chars", waits=True)
