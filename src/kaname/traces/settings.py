"""Settings of reading traces: lists, live view, exports. Those of ingest are in `ingest_settings.py`."""

from dataclasses import dataclass

from kaname.kernel.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class TracesSettings:
    """Section `traces`."""

    export_max_spans: int = setting(5_000_000, "An export ends after this many spans.")
    live_poll_s: float = setting(0.5, "How often a project with an open live view looks for new spans.")
    live_max_viewers: int = setting(200, "Live views open at once; beyond it 429.")
    live_max_batch: int = setting(200, "Spans sent to a live view at once; of more, the newest.")
