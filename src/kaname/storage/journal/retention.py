"""Which segments exist, how many bytes they take, and which the consumer no longer needs."""

from dataclasses import dataclass, field
from pathlib import Path

from kaname.storage.journal.checkpoint import CHECKPOINT_FILE, Checkpoint, read_checkpoint
from kaname.storage.journal.segments import list_segments, segment_path, sync_directory


@dataclass(slots=True, kw_only=True)
class SealedSegments:
    """The closed segments before the open one. Used by the writer thread alone."""

    directory: Path
    retain_s: float
    sizes: dict[int, int] = field(default_factory=dict[int, int])
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    _checkpoint_mtime_ns: int = -1
    _consumed_at: dict[int, float] = field(default_factory=dict[int, float])

    def load(self) -> None:
        """Takes stock of the directory."""
        self.sizes = {
            first: segment_path(self.directory, first).stat().st_size for first in list_segments(self.directory)
        }
        self.refresh_checkpoint()

    @property
    def bytes(self) -> int:
        """Bytes of all closed segments."""
        return sum(self.sizes.values())

    def seal(self, first_sequence: int, size: int) -> None:
        """Adds a segment that was just closed."""
        self.sizes[first_sequence] = size

    def refresh_checkpoint(self) -> bool:
        """Reads the consumer's checkpoint again if it changed; says whether it did."""
        try:
            mtime = (self.directory / CHECKPOINT_FILE).stat().st_mtime_ns
        except FileNotFoundError:
            return False
        if mtime == self._checkpoint_mtime_ns:
            return False
        self._checkpoint_mtime_ns = mtime
        self.checkpoint = read_checkpoint(self.directory)
        return True

    def prune(self, open_sequence: int, monotonic_s: float, *, pressed: bool) -> int:
        """Removes consumed segments after the retention, or at once when space is short; returns the bytes freed."""
        firsts = sorted(self.sizes)
        freed = 0
        for first, following in zip(firsts, [*firsts, open_sequence][1:], strict=True):
            if following > self.checkpoint.sequence + 1:
                break
            consumed_at = self._consumed_at.setdefault(first, monotonic_s)
            if pressed or monotonic_s - consumed_at >= self.retain_s:
                segment_path(self.directory, first).unlink(missing_ok=True)
                self._consumed_at.pop(first)
                freed += self.sizes.pop(first)
        if freed:
            sync_directory(self.directory)
        return freed
