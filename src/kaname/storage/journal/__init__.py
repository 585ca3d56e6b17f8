"""The write-ahead log: what was acknowledged is on disk, framed, checksummed and replayable.

`Journal` is the one writer of a directory, `JournalReader` its one consumer in another process, `inspect_journal` the
read-only view for `kaname doctor`. Deliberately not here: what the payloads mean.
"""

from kaname.storage.journal.checkpoint import Checkpoint, read_checkpoint
from kaname.storage.journal.inspection import JournalInspection, inspect_journal
from kaname.storage.journal.journal import Journal
from kaname.storage.journal.model import Entry, EntryKind, JournalStats, Position
from kaname.storage.journal.reader import JournalReader
from kaname.storage.journal.settings import JournalSettings

__all__ = [
    "Checkpoint",
    "Entry",
    "EntryKind",
    "Journal",
    "JournalInspection",
    "JournalReader",
    "JournalSettings",
    "JournalStats",
    "Position",
    "inspect_journal",
    "read_checkpoint",
]
