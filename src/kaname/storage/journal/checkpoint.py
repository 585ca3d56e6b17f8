"""How far the consumer is: one small file, replaced atomically and fsynced."""

import os
from pathlib import Path

import msgspec

from kaname.storage.journal.model import Position
from kaname.storage.journal.segments import sync_directory

CHECKPOINT_FILE = "consumer.json"
INTENT_FILE = "intent.json"


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The last entry whose effects are durable, and what the consumer counted on the way."""

    sequence: int = 0
    segment: int = 0
    end_offset: int = 0
    committed_ns: int = 0
    corrupt_regions: int = 0
    corrupt_bytes: int = 0
    quarantined: list[str] = []
    counters: dict[str, int] = {}
    """Totals of the consumer: spans, duplicates, dead letters …"""

    @property
    def position(self) -> Position:
        """The entry as a position."""
        return Position(self.sequence, self.segment, self.end_offset)


class Intent(msgspec.Struct, frozen=True):
    """The entries that the consumer was about to apply, so that after a crash it tries exactly the same ones again."""

    first_sequence: int
    last_sequence: int


def read_intent(directory: Path) -> Intent | None:
    """The last intent, or None."""
    try:
        return msgspec.json.decode((directory / INTENT_FILE).read_bytes(), type=Intent)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_intent(directory: Path, intent: Intent) -> None:
    """Replaces the intent. Not fsynced: it matters when this process dies, not when the machine does."""
    temporary = directory / f".{INTENT_FILE}.new"
    temporary.write_bytes(msgspec.json.encode(intent))
    temporary.replace(directory / INTENT_FILE)


def read_checkpoint(directory: Path) -> Checkpoint:
    """The stored checkpoint; a fresh one if there is none or it is damaged, because replaying changes nothing."""
    try:
        return msgspec.json.decode((directory / CHECKPOINT_FILE).read_bytes(), type=Checkpoint)
    except (FileNotFoundError, msgspec.DecodeError):
        return Checkpoint()


def write_checkpoint(directory: Path, checkpoint: Checkpoint) -> None:
    """Replaces the checkpoint; returns when it is on disk."""
    temporary = directory / f".{CHECKPOINT_FILE}.new"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, msgspec.json.encode(checkpoint))
        os.fsync(fd)
    finally:
        os.close(fd)
    temporary.replace(directory / CHECKPOINT_FILE)
    sync_directory(directory)
