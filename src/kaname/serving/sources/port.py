"""What a model source must do."""

import threading
from pathlib import Path
from typing import Literal, Protocol

from kaname.serving.model import FetchedFile, ModelRequest, Progress, ProgressReport
from kaname.serving.problems import pull_cancelled


class PullWatch:
    """A pull's line to its caller: progress outwards, cancellation inwards. Sources call it at least every second."""

    def __init__(self, name: str, report: ProgressReport, cancelled: threading.Event) -> None:
        self._name = name
        self._report = report
        self._cancelled = cancelled

    def report(self, phase: Literal["download", "verify", "extract", "done"], done: int = 0, total: int = 0) -> None:
        """Reports progress; raises ConflictError (`pull_cancelled`) if the caller gave up."""
        self.check()
        self._report(Progress(phase=phase, done_bytes=done, total_bytes=total))

    def check(self) -> None:
        """Raises ConflictError (`pull_cancelled`) if the caller gave up."""
        if self._cancelled.is_set():
            raise pull_cancelled(self._name)


class ModelSource(Protocol):
    """Fetches weights of one reference scheme."""

    def fetch(self, request: ModelRequest, staging: Path, watch: PullWatch) -> FetchedFile:
        """Puts the weights into `staging` and returns them with their sha256.

        Whatever is in `staging` from an interrupted pull of the same reference may be used to resume. The caller checks
        the digest, syncs the file and moves it away.
        """
        ...
