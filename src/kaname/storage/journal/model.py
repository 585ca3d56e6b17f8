"""What an entry of the write-ahead log is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

EntryKind = Literal[
    "otlp_traces_protobuf", "otlp_traces_json", "otlp_logs_protobuf", "otlp_logs_json", "gateway", "score"
]
ENTRY_KINDS: tuple[EntryKind, ...] = get_args(EntryKind)
"""The position of a kind is its byte on disk: append only, never reorder."""


class Position(NamedTuple):
    """Where an entry stands. `sequence` alone orders entries; the rest is where to find the next one quickly."""

    sequence: int
    segment: int = 0
    """First sequence number, and so the file name, of the segment that holds the entry."""
    end_offset: int = 0
    """Byte behind the entry in that file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One accepted request, as received."""

    position: Position
    kind: EntryKind
    project_id: str
    received_ns: int
    payload: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalStats:
    """The log as its writer sees it."""

    bytes: int
    segments: int
    next_sequence: int
    consumed_sequence: int
    """Last sequence that the consumer has committed."""
    unconsumed_entries: int
    oldest_unconsumed_age_s: float
    """How far the consumer is behind; 0 when it has everything."""
    pending_bytes: int
    appended_entries: int
    fsyncs: int
    dropped_soon: int
    """Gateway records lost to a full buffer since start."""
    failing: str
    """Why appends fail now (`full`, `disk_full`, `closed`), or empty."""
