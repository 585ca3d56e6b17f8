"""The log as anyone may look at it, without a lock: what `kaname doctor` prints, server running or not."""

from dataclasses import dataclass
from pathlib import Path

from kaname.storage.journal.checkpoint import Checkpoint, read_checkpoint
from kaname.storage.journal.frames import SEGMENT_HEADER_BYTES, Frame, find_frame, frame_at, received_ns_of
from kaname.storage.journal.segments import QUARANTINE, list_segments, segment_path


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalInspection:
    """State of a journal directory."""

    segments: int
    bytes: int
    last_sequence: int
    checkpoint: Checkpoint
    unconsumed_entries: int
    unconsumed_bytes: int
    oldest_unconsumed_ns: int
    """When the oldest entry that waits was received; 0 when none waits."""
    damaged_segments: tuple[str, ...]
    quarantined: tuple[str, ...]


def inspect_journal(directory: Path) -> JournalInspection:
    """Reads the checkpoint and every segment behind it. Costs one pass over the unconsumed bytes."""
    checkpoint = read_checkpoint(directory)
    firsts = list_segments(directory) if directory.is_dir() else []
    entries = waiting_bytes = oldest = 0
    last = checkpoint.sequence
    damaged: list[str] = []
    total = 0
    for first, following in zip(firsts, [*firsts, 0][1:], strict=True):
        path = segment_path(directory, first)
        try:
            total += path.stat().st_size
            if following and following <= checkpoint.sequence + 1:
                continue
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        frames, broken = _scan(data)
        if broken:
            damaged.append(path.name)
        for frame in frames:
            last = max(last, frame.sequence)
            if frame.sequence > checkpoint.sequence:
                entries += 1
                waiting_bytes += frame.end - frame.body_start
                oldest = oldest or received_ns_of(data, frame)
    folder = directory / QUARANTINE
    return JournalInspection(
        segments=len(firsts),
        bytes=total,
        last_sequence=last,
        checkpoint=checkpoint,
        unconsumed_entries=entries,
        unconsumed_bytes=waiting_bytes,
        oldest_unconsumed_ns=oldest,
        damaged_segments=tuple(damaged),
        quarantined=tuple(sorted(p.name for p in folder.iterdir())) if folder.is_dir() else (),
    )


def _scan(data: bytes) -> tuple[list[Frame], bool]:
    frames: list[Frame] = []
    offset, last, broken = SEGMENT_HEADER_BYTES, 0, False
    while offset < len(data):
        frame = frame_at(data, offset)
        if isinstance(frame, Frame):
            frames.append(frame)
            last, offset = frame.sequence, frame.end
            continue
        further = find_frame(data, offset + 1, after_sequence=last)
        if further is None:
            broken = broken or frame == "bad"
            break
        broken, offset = True, further
    return frames, broken
