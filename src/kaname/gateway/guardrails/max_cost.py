"""What one request may cost at most, estimated before it is sent: its input and the output it allows or usually has."""

from kaname.gateway.guardrails.model import GuardKind, Options, Side, Subject

_NANO = 1_000_000_000


class MaxCostGuard:
    """See `CallGuard`."""

    __slots__ = ("_limit", "_needs_price")

    def __init__(self, usd: float, *, needs_price: bool) -> None:
        self._limit = round(usd * _NANO)
        self._needs_price = needs_price

    async def check(self, subject: Subject) -> str:
        cost = subject.cost_nano_usd()
        if cost is None:
            return "the price of the model is unknown" if self._needs_price else ""
        if cost <= self._limit:
            return ""
        return f"estimated cost {cost / _NANO:.6f} USD, at most {self._limit / _NANO:.6f} USD is allowed"


def _build(options: Options, side: Side) -> MaxCostGuard:
    if not options.has("usd"):
        raise options.refuse("usd", "is missing", "Write `{max_cost: 0.05}`.")
    unknown = options.text("unknown_price", "allow")
    if unknown not in ("allow", "block"):
        raise options.refuse("unknown_price", f"{unknown!r} isn't known here", "Known: allow, block.")
    return MaxCostGuard(options.number("usd", 1e-9, 1e6, 1.0), needs_price=unknown == "block")


MAX_COST = GuardKind(
    name="max_cost", build=_build, options=("usd", "unknown_price"), main="usd", sides=("input",), waits=True
)
