"""Settings of the write-ahead log."""

from dataclasses import dataclass

from kaname.kernel.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSettings:
    """Section `journal`."""

    max_bytes: int = setting(2 << 30, "Bound of the log on disk in bytes; beyond it ingest answers 503.")
    segment_bytes: int = setting(64 << 20, "A segment file is closed when it reaches this size.")
    max_pending_bytes: int = setting(256 << 20, "Bound of entries in memory that wait for the disk.")
    min_free_bytes: int = setting(128 << 20, "Ingest answers 503 when the device has less space left than this.")
    retain_s: float = setting(30.0, "Consumed segments are removed after this many seconds.")
    soon_interval_s: float = setting(0.2, "Gateway records reach the disk within this time.")
    soon_max_bytes: int = setting(
        32 << 20, "Bound of gateway records in memory; beyond it new ones are dropped and counted."
    )
