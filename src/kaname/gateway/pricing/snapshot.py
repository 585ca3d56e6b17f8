"""The compiled price snapshot that ships with the package (`snapshot.json`, from genai-prices, MIT).

Finding a model is a scan over its provider's clauses, first match wins, as genai-prices does; `book.py` caches it.
Which provider: its id, then our canonical name for it, then its clause; without a known provider, by the model's name.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import orjson

from kaname.gateway.pricing.rates import Rate, complete_table, to_pico
from kaname.kernel.clock import to_ns
from kaname.kernel.errors import IntegrityError

SNAPSHOT_FORMAT = 1
SNAPSHOT_PATH = Path(__file__).parent / "snapshot.json"

_PROVIDER_IDS = {
    "x_ai": "x-ai", "mistral_ai": "mistral", "moonshot_ai": "moonshotai", "aws.bedrock": "aws",
    "azure.ai.openai": "azure", "azure.ai.inference": "azure", "gcp.gen_ai": "google", "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
}  # fmt: skip
_SELF_HOSTED = (
    "local",
    "ollama",
    "vllm",
    "llama",
    "lmstudio",
    "lm_studio",
    "lm-studio",
    "sglang",
    "tgi",
    "mlx",
    "transformers",
)
_COMPACT_DATE = re.compile(r"-(20\d\d)(\d\d)(\d\d)$")
_MAX_NAME_CHARS = 200

Match = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedModel:
    """A model of the snapshot; `rates` in order of preference, the last one holds always."""

    provider: str
    id: str
    rates: tuple[Rate, ...]
    context_window: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Provider:
    id: str
    matches: Match
    matches_model: Match
    fallback: Sequence[str]
    models: Sequence[tuple[Match, PricedModel]]

    def find(self, model: str) -> PricedModel | None:
        return next((priced for matches, priced in self.models if matches(model)), None)


class Snapshot:
    """Prices of public providers at one date."""

    def __init__(self, document: bytes) -> None:
        raw: dict[str, Any] = orjson.loads(document)
        if raw.get("format") != SNAPSHOT_FORMAT:
            raise IntegrityError(
                f"price snapshot has format {raw.get('format')!r}, not {SNAPSHOT_FORMAT}",
                hint="Reinstall kaname, or run `python -m kaname.gateway.pricing.compile`.",
            )
        self.date = str(raw["date"])
        self.source = str(raw["source"])
        self._providers = {name: _provider(name, body, self.date) for name, body in raw["providers"].items()}

    def find(self, provider: str, model: str) -> PricedModel | None:
        """The model, or None if nothing matches. Self-hosted providers are never priced here."""
        provider, model = provider.lower(), model.lower()[:_MAX_NAME_CHARS]
        if provider.startswith(_SELF_HOSTED):
            return None
        known = self._provider(provider)
        if known is not None and (found := self._find_in(known, model)):
            return found
        if "/" in model:  # `vendor/model` of routers
            vendor, _, rest = model.partition("/")
            vendor_known = self._provider(vendor)
            if vendor_known is not None and (found := self._find_in(vendor_known, rest)):
                return found
        for candidate in self._providers.values():
            if candidate.matches_model(model) and (found := self._find_in(candidate, model)):
                return found
        return None

    def models(self) -> list[PricedModel]:
        """All models, by provider."""
        return [priced for provider in self._providers.values() for _, priced in provider.models]

    def _provider(self, name: str) -> _Provider | None:
        if not name:
            return None
        exact = self._providers.get(_PROVIDER_IDS.get(name, name))
        return exact or next((p for p in self._providers.values() if p.matches(name)), None)

    def _find_in(self, provider: _Provider, model: str) -> PricedModel | None:
        dashed = _COMPACT_DATE.sub(r"-\1-\2-\3", model)
        for name in dict.fromkeys((model, dashed)):
            if found := provider.find(name):
                return found
            for other in provider.fallback:
                if other in self._providers and (found := self._providers[other].find(name)):
                    return found
        return None


def load_snapshot() -> Snapshot:
    """The snapshot that ships with this version."""
    return Snapshot(SNAPSHOT_PATH.read_bytes())


def _provider(name: str, body: dict[str, Any], date: str) -> _Provider:
    return _Provider(
        id=name,
        matches=_matcher(body["match"]),
        matches_model=_matcher(body["model_match"]),
        fallback=body["fallback"],
        models=[(_matcher(m["match"]), _priced(name, model_id, m, date)) for model_id, m in body["models"].items()],
    )


def _priced(provider: str, model_id: str, body: dict[str, Any], date: str) -> PricedModel:
    price_id = f"snapshot:{date}:{provider}/{model_id}"
    rates = [_rate(price_id, table) for table in body["prices"]]
    # The last condition that holds wins; if none does, the first price is used, whatever its condition.
    always = Rate(price_id=price_id, table=rates[0].table, tiers=rates[0].tiers)
    return PricedModel(
        provider=provider, id=model_id, rates=(*reversed(rates), always), context_window=body.get("context")
    )


def _rate(price_id: str, table: dict[str, Any]) -> Rate:
    base: dict[str, int] = {}
    starts: set[int] = set()
    tiered: dict[str, list[tuple[int, int]]] = {}
    for bucket, value in table.items():
        if bucket in ("from", "daily"):
            continue
        if isinstance(value, list):
            first, *tiers = cast("list[Any]", value)
            base[bucket] = to_pico(Decimal(first))
            tiered[bucket] = [(start, to_pico(Decimal(price))) for start, price in tiers]
            starts.update(start for start, _ in tiered[bucket])
        else:
            base[bucket] = to_pico(Decimal(value))
    steps = [(start, complete_table(_tier_prices(base, tiered, start))) for start in sorted(starts, reverse=True)]
    daily = table.get("daily")
    return Rate(
        price_id=price_id,
        table=complete_table(base),
        tiers=tuple(steps),
        from_ns=to_ns(datetime.fromisoformat(table["from"]).replace(tzinfo=UTC)) if "from" in table else 0,
        daily_ns=(_time_ns(daily[0]), _time_ns(daily[1])) if daily else None,
    )


def _tier_prices(base: dict[str, int], tiered: dict[str, list[tuple[int, int]]], start: int) -> dict[str, int]:
    prices = dict(base)
    for bucket, steps in tiered.items():
        for step_start, price in steps:
            if step_start <= start:
                prices[bucket] = price
    return prices


def _time_ns(text: str) -> int:
    hours, minutes = text.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000_000_000


def _matcher(clause: object) -> Match:
    """A predicate on lower-case names. See `compile.py` for the compact form."""
    if isinstance(clause, list):
        parts = [_matcher(c) for c in cast("list[object]", clause)]
        return parts[0] if len(parts) == 1 else lambda text: any(part(text) for part in parts)
    if isinstance(clause, dict):
        parts = [_matcher(c) for c in cast("dict[str, list[object]]", clause)["and"]]
        return lambda text: all(part(text) for part in parts)
    kind, needle = str(clause)[0], str(clause)[1:]
    if kind == "~":
        pattern = re.compile(needle)
        return lambda text: pattern.search(text) is not None
    needle = needle.lower()
    match kind:
        case "=":
            return needle.__eq__
        case "^":
            return lambda text: text.startswith(needle)
        case "$":
            return lambda text: text.endswith(needle)
        case "*":
            return lambda text: needle in text
        case _:
            raise IntegrityError(f"price snapshot holds the unknown clause {clause!r}", hint="Reinstall kaname.")
