"""Settings of OTLP ingest and of the worker that stores what was ingested."""

from dataclasses import dataclass

from kaname.kernel.settings import setting
from kaname.traces.otlp.limits import OtlpLimits

_DAY_NS = 86_400 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings:
    """Section `ingest`."""

    max_body_bytes: int = setting(64 << 20, "Largest OTLP request, after decompression, in bytes.")
    max_span_bytes: int = setting(10 << 20, "A larger span is rejected, in bytes.")
    max_attributes: int = setting(2_000, "Attributes of one span beyond this are dropped and counted.")
    max_items: int = setting(65_536, "Spans or log records in one request.")
    max_age_days: int = setting(1_098, "A span that began earlier than this many days ago is rejected.")
    max_concurrent: int = setting(64, "OTLP requests in progress at once; beyond it 429.")
    max_in_flight_bytes: int = setting(256 << 20, "Bound of all request bodies in memory; beyond it 429.")
    body_timeout_s: float = setting(30.0, "A request whose body takes longer to arrive is given up with 408.")
    wide_value_bytes: int = setting(1 << 20, "A longer input, output or attribute goes to the blob store.")
    media_bytes: int = setting(4 << 10, "A base64 data URI of at least this size goes to the blob store.")
    batch_bytes: int = setting(8 << 20, "The worker inserts at most about this much of the journal at once.")
    batch_wait_s: float = setting(0.15, "The worker waits this long for more before it inserts.")
    dedup_keys: int = setting(400_000, "Recent span keys the worker remembers, about 100 bytes each.")

    def limits(self) -> OtlpLimits:
        """The part that the decoders apply."""
        return OtlpLimits(
            max_span_bytes=self.max_span_bytes,
            max_attributes=self.max_attributes,
            max_items=self.max_items,
            max_age_ns=self.max_age_days * _DAY_NS,
        )
