"""Compiles the `genai-prices` package (MIT) to `snapshot.json`: `python -m kaname.gateway.pricing.compile`.

Run by a maintainer when prices are refreshed, never at run time: the package takes 365 ms to import and brings an
HTTP client. The output is sorted, one model a line, so that a refresh reads as a diff of prices. Left out: models
without token prices, units other than tokens, and request variants (batch, flex, priority).
"""

import sys
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from importlib.metadata import distribution, version
from pathlib import Path

import orjson
from genai_prices import types
from genai_prices.data_snapshot import get_snapshot

from kaname.gateway.pricing.snapshot import SNAPSHOT_FORMAT, SNAPSHOT_PATH

_BUCKETS = {
    "input_mtok": "input_uncached", "output_mtok": "output_text", "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write", "cache_write_1h_mtok": "cache_write_1h", "input_audio_mtok": "input_audio",
    "input_image_mtok": "input_image", "output_audio_mtok": "output_audio", "output_reasoning_mtok": "reasoning",
}  # fmt: skip
_MICRO = Decimal("0.000001")

Clause = str | list["Clause"] | dict[str, list["Clause"]]


def compile_snapshot(date: str) -> bytes:
    """The snapshot file of the installed genai-prices."""
    licence = distribution("genai-prices").read_text("licenses/LICENSE") or ""
    lines = [
        f'{{"format":{SNAPSHOT_FORMAT},',
        f'"source":"genai-prices {version("genai-prices")}",',
        f'"date":"{date}",',
        f'"licence":{_json(licence.strip())},',
        '"providers":{',
    ]
    blocks: list[str] = []
    for provider in sorted(get_snapshot().providers, key=lambda p: p.id):
        # Order matters among a provider's models: the first whose clause matches wins.
        models = [f"{_json(m.id)}:{_json(body)}" for m in provider.models if (body := _model(m)) is not None]
        if models:
            head = _json(_provider(provider))[:-1]
            blocks.append(f'{_json(provider.id)}:{head},"models":{{\n' + ",\n".join(models) + "}}")
    return ("\n".join(lines) + "\n" + ",\n".join(blocks) + "}}\n").encode()


def _provider(provider: types.Provider) -> dict[str, object]:
    return {
        "match": _clause(provider.provider_match) if provider.provider_match else [],
        "model_match": _clause(provider.model_match) if provider.model_match else [],
        "fallback": provider.fallback_model_providers or [],
    }


def _model(model: types.ModelInfo) -> dict[str, object] | None:
    conditional = model.prices if isinstance(model.prices, list) else [types.ConditionalPrice(prices=model.prices)]
    prices: list[dict[str, object]] = []
    for item in conditional:
        table = _table(item.prices)
        if not table:
            continue
        match item.constraint:
            case types.StartDateConstraint(start_date=start):
                table["from"] = start.isoformat()
            case types.TimeOfDateConstraint(start_time=start, end_time=end):
                table["daily"] = [start.strftime("%H:%M"), end.strftime("%H:%M")]
            case None:
                pass
        prices.append(table)
    if not prices:
        return None
    body: dict[str, object] = {"match": _clause(model.match), "prices": prices}
    if model.context_window:
        body["context"] = model.context_window
    return body


def _table(price: types.ModelPrice) -> dict[str, object]:
    table: dict[str, object] = {}
    for key, bucket in _BUCKETS.items():
        value = getattr(price, key, None)
        if isinstance(value, types.TieredPrices):
            table[bucket] = [_amount(value.base), *([t.start, _amount(t.price)] for t in value.tiers)]
        elif value is not None:
            table[bucket] = _amount(value)
    return table


def _amount(value: Decimal) -> str:
    """Dollars per million tokens with at most six places: pico-dollars a token. Beyond are float artefacts."""
    text = format(value.quantize(_MICRO, ROUND_HALF_EVEN), "f")
    return text.rstrip("0").rstrip(".") or "0"


def _clause(logic: object) -> Clause:
    """Compact form: `=` equals, `^` starts with, `$` ends with, `*` contains, `~` regex; a list is "or"."""
    match logic:
        case types.ClauseEquals(equals=text):
            return f"={text}"
        case types.ClauseStartsWith(starts_with=text):
            return f"^{text}"
        case types.ClauseEndsWith(ends_with=text):
            return f"${text}"
        case types.ClauseContains(contains=text):
            return f"*{text}"
        case types.ClauseRegex(regex=text):
            return f"~{text}"
        case types.ClauseOr(or_=parts):
            return [_clause(part) for part in parts]
        case types.ClauseAnd(and_=parts):
            return {"and": [_clause(part) for part in parts]}
        case _:
            raise TypeError(f"genai-prices has a new kind of clause: {logic!r}")


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else SNAPSHOT_PATH
    target.write_bytes(compile_snapshot(datetime.now(UTC).date().isoformat()))
    sys.stdout.write(f"wrote {target} ({target.stat().st_size:,} bytes)\n")
