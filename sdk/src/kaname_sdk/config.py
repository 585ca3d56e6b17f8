"""What the SDK is told: arguments of `instrument()` over `KANAME_*` over the standard `OTEL_*` variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from kaname_sdk.encode import Mask

DEFAULT_MAX_TEXT = 200_000
_OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Resolved configuration. `url` is Kaname's base URL; without it the standard OTLP variables decide."""

    url: str = ""
    secret_key: str = ""
    service_name: str = ""
    environment: str = ""
    sample_rate: float | None = None
    """None: `OTEL_TRACES_SAMPLER` decides, by default everything."""
    mask: Mask | None = None
    capture: bool = True
    """Whether arguments, results and messages are recorded; names, times, models and token counts always are."""
    max_text: int = DEFAULT_MAX_TEXT
    """Longest recorded input or output in characters."""
    max_queue: int = 4096
    """Spans waiting to be sent; when full, new ones are dropped, the application never waits."""

    @property
    def has_destination(self) -> bool:
        """Whether there is anywhere to send spans to."""
        return bool(self.url) or any(os.environ.get(name) for name in _OTLP_ENDPOINTS)


def read_config(given: Mapping[str, object], mask: Mask | None) -> Config:
    """Fills what wasn't given from the environment; a malformed number counts as absent."""
    env = os.environ.get
    url = _text(given.get("url")) or env("KANAME_URL", "")
    rate = given.get("sample_rate")
    return Config(
        url=url.rstrip("/"),
        secret_key=_text(given.get("secret_key")) or env("KANAME_SECRET_KEY", ""),
        service_name=_text(given.get("service_name")) or env("KANAME_SERVICE_NAME", ""),
        environment=_text(given.get("environment")) or env("KANAME_ENVIRONMENT", ""),
        sample_rate=_rate(env("KANAME_SAMPLE_RATE") if rate is None else rate),
        mask=mask,
        capture=_flag(given.get("capture"), env("KANAME_CAPTURE", "true")),
        max_text=_whole(given.get("max_text"), DEFAULT_MAX_TEXT),
        max_queue=_whole(given.get("max_queue"), 4096),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _rate(value: object) -> float | None:
    try:
        rate = float(value)  # pyright: ignore[reportArgumentType] - None and words raise, which is handled
    except (TypeError, ValueError):
        return None
    return min(1.0, max(0.0, rate))


def _flag(value: object, fallback: str) -> bool:
    return value if isinstance(value, bool) else fallback.strip().lower() not in ("0", "false", "no", "off")


def _whole(value: object, fallback: int) -> int:
    return value if isinstance(value, int) and value > 0 else fallback
