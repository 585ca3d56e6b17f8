"""`key_defaults` of `gateway.yaml`: what holds for keys without a policy of their own.

    key_defaults:
      rpm: 600
      tpm: 200k
      budget: {usd: 50, per: month, time_zone: Asia/Tokyo, on_exceed: block}   # or warn, or {downgrade: local/smollm2}

A budget here is per key and lies on the calendar unless `calendar: false`.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from kaname.gateway.limits.checks import MAX_RATE, check_policy
from kaname.gateway.limits.model import KeyDefaults, KeyPolicy, OnExceed, Rates
from kaname.gateway.limits.windows import WindowRule, check_window, parse_period
from kaname.gateway.yaml_tree import Node
from kaname.kernel.errors import InvalidInputError
from kaname.kernel.money import to_nano

_FIELDS = (
    "models", "providers", "rpm", "tpm", "max_concurrency", "max_cost_usd", "allow_unpriced", "cidrs", "shadow",
    "budget",
)  # fmt: skip
_BUDGET_FIELDS = ("usd", "per", "calendar", "time_zone", "quarter_start_month", "on_exceed")
_SHORT = re.compile(r"(\d+(?:\.\d+)?)([kM])")
_TIMES = {"k": 1_000, "M": 1_000_000}


def read_key_defaults(node: Node) -> KeyDefaults:
    """Raises ConfigurationError with file, line and path."""
    fields = node.fields(_FIELDS)
    policy = KeyPolicy(
        models=_names(fields, "models"),
        providers=_names(fields, "providers"),
        rates=Rates(
            rpm=_rate(fields, "rpm"), tpm=_rate(fields, "tpm"), max_concurrency=_rate(fields, "max_concurrency")
        ),
        max_cost_nano_usd=_nano_usd(fields["max_cost_usd"]) if "max_cost_usd" in fields else None,
        allow_unpriced=fields["allow_unpriced"].boolean() if "allow_unpriced" in fields else True,
        cidrs=tuple(child.text() for child in fields["cidrs"].items()) if "cidrs" in fields else (),
        shadow=fields["shadow"].boolean() if "shadow" in fields else False,
    )
    try:
        check_policy(policy)
    except InvalidInputError as e:
        fields.get(e.param or "", node).refuse(e.message, e.hint)
    if "budget" not in fields:
        return KeyDefaults(policy=policy)
    budget = fields["budget"].fields(_BUDGET_FIELDS)
    if "usd" not in budget:
        fields["budget"].refuse("`usd` is missing", "Write `{usd: 50, per: month}`.")
    on_exceed, downgrade_to = _on_exceed(budget.get("on_exceed"))
    return KeyDefaults(
        policy=policy,
        budget_nano_usd=_nano_usd(budget["usd"]),
        budget_window=_window(fields["budget"], budget),
        on_exceed=on_exceed,
        downgrade_to=downgrade_to,
    )


def _window(node: Node, fields: Mapping[str, Node]) -> WindowRule:
    try:
        count, unit = parse_period(fields["per"].text() if "per" in fields else "month")
        aligned = fields["calendar"].boolean() if "calendar" in fields else unit not in ("m", "h") and count == 1
        return check_window(
            WindowRule(
                count=count,
                unit=unit,
                calendar=aligned,
                time_zone=fields["time_zone"].text() if "time_zone" in fields else "UTC",
                quarter_start_month=(
                    fields["quarter_start_month"].integer(1, 12) if "quarter_start_month" in fields else 1
                ),
            )
        )
    except InvalidInputError as e:
        fields.get("per" if e.param == "period" else e.param or "", node).refuse(e.message, e.hint)


def _on_exceed(node: Node | None) -> tuple[OnExceed, str]:
    if node is None:
        return "block", ""
    if isinstance(node.value, Mapping):
        fields = node.fields(("downgrade",))
        if "downgrade" in fields:
            return "downgrade", fields["downgrade"].text()
        node.refuse("says nothing", "Write block, warn or `{downgrade: provider/model}`.")
    text = node.text()
    if text not in ("block", "warn"):
        node.refuse(f"{text!r} isn't known here", "Write block, warn or `{downgrade: provider/model}`.")
    return ("block", "") if text == "block" else ("warn", "")


def _names(fields: Mapping[str, Node], name: str) -> tuple[str, ...]:
    return tuple(child.text() for child in fields[name].items()) if name in fields else ("*",)


def _rate(fields: Mapping[str, Node], name: str) -> int | None:
    node = fields.get(name)
    if node is None:
        return None
    short = _SHORT.fullmatch(node.value) if isinstance(node.value, str) else None
    if short is None:
        return node.integer(1, MAX_RATE)
    return round(float(short[1]) * _TIMES[short[2]])


def _nano_usd(node: Node) -> int:
    try:
        amount = Decimal(str(node.value)) if not isinstance(node.value, bool) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= 1_000_000_000:
        node.refuse(f"{node.value!r} isn't an amount of dollars", "Write a number such as 50 or 0.5.")
    return to_nano(amount)
