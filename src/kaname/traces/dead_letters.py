"""Where an entry goes that can't be stored: a folder, with the reason beside it. The log behind it goes on.

The folder is bounded; when it is full the oldest letters go. `kaname doctor` counts them.
"""

import logging
from pathlib import Path

import msgspec

logger = logging.getLogger(__name__)

_MAX_LETTERS = 1_000


class DeadLetters:
    """Writes letters. A letter has two files: the payload, and a JSON note that says what it is and why it is here."""

    def __init__(self, folder: Path, prefix: str = "") -> None:
        """`prefix` begins every name: journals count their entries alike."""
        self._folder = folder
        self._prefix = prefix

    def put(self, name: str, payload: bytes, *, kind: str, project_id: str, reason: str) -> None:
        """Stores a payload that failed; repeating the name replaces it. Never raises: it must not stop the log."""
        name = f"{self._prefix}{name}"
        note = {"kind": kind, "project_id": project_id, "reason": reason[:4000], "bytes": len(payload)}
        logger.error("dead letter %s (%s of project %s): %s", name, kind, project_id, reason[:300])
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / f"{name}.bin").write_bytes(payload)
            (self._folder / f"{name}.json").write_bytes(msgspec.json.encode(note))
            self._bound()
        except OSError as e:
            logger.error("dead letter %s can't be kept: %s", name, e)

    def count(self) -> int:
        """How many letters lie here."""
        return sum(1 for _ in self._folder.glob("*.json")) if self._folder.is_dir() else 0

    def count_of(self, project_id: str) -> int:
        """How many letters of a project lie here."""
        return len(self._of(project_id))

    def remove_of(self, project_id: str) -> int:
        """Removes the letters of a project; returns how many."""
        notes = self._of(project_id)
        for note in notes:
            note.with_suffix(".bin").unlink(missing_ok=True)
            note.unlink(missing_ok=True)
        return len(notes)

    def _of(self, project_id: str) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return [note for note in self._folder.glob("*.json") if _project_of(note) == project_id]

    def _bound(self) -> None:
        notes = sorted(self._folder.glob("*.json"), key=lambda p: p.stat().st_mtime_ns)
        for note in notes[: max(len(notes) - _MAX_LETTERS, 0)]:
            note.with_suffix(".bin").unlink(missing_ok=True)
            note.unlink(missing_ok=True)


class _Note(msgspec.Struct):
    project_id: str = ""


def _project_of(note: Path) -> str:
    """The project that a note names; empty if it is being replaced or damaged."""
    try:
        return msgspec.json.decode(note.read_bytes(), type=_Note).project_id
    except (OSError, msgspec.DecodeError):
        return ""
