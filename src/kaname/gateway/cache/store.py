"""All kept answers: in memory to be found, on disk to outlive a restart, and the index of similar questions.

The disk follows the memory: what memory lets go, the file loses too. Answers of earlier runs are loaded in the
background, so that the gateway answers at once.
Implements `access.ports.ProjectStore`, by which deleted projects are erased.
"""

import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from kaname.gateway.cache.disk import AnswerFile
from kaname.gateway.cache.memory import AnswerMemory
from kaname.gateway.cache.model import CachedAnswer, Key
from kaname.gateway.cache.semantic import Near, SemanticIndex, Vector, unpack

FILE_NAME = "answers.sqlite3"


class AnswerStore:
    """May be used from any thread. `folder` None: memory only."""

    store = "files"

    def __init__(self, folder: Path | None, *, max_bytes: int, max_entries: int) -> None:
        self._file = AnswerFile(folder / FILE_NAME, max_bytes=max_bytes) if folder is not None else None
        self._index = SemanticIndex()
        self._memory = AnswerMemory(max_bytes=max_bytes, max_entries=max_entries, removed=self._on_removed)
        self._loader: threading.Thread | None = None
        self._closing = False

    # ---- lifecycle

    def start(self) -> None:
        """Begins to load and to write."""
        if self._file is None:
            return
        self._file.start()
        self._loader = threading.Thread(target=self.load, name="kaname-cache-loader", daemon=True)
        self._loader.start()

    def load(self) -> None:
        """Takes what earlier runs kept, without displacing anything newer."""
        if self._file is None:
            return
        for key, answer in self._file.load():
            if self._closing or not self._memory.add_oldest(key, answer):
                return
            if answer.vector and answer.namespace:
                self._index.put(answer.namespace, key, unpack(answer.vector))

    def close(self) -> None:
        """Writes what is queued."""
        self._closing = True
        if self._loader is not None:
            self._loader.join(timeout=5)
        if self._file is not None:
            self._file.close()

    # ---- answers

    def get(self, key: Key) -> CachedAnswer | None:
        """The answer of a request."""
        return self._memory.get(key, time.time())

    def put(self, key: Key, answer: CachedAnswer, vector: Vector | None = None) -> bool:
        """Keeps an answer; `vector` makes similar questions find it. False when it is too large."""
        if not self._memory.put(key, answer):
            return False
        if vector is not None:
            self._index.put(answer.namespace, key, vector)
        if self._file is not None:
            self._file.put(key, answer)
        return True

    def enrich(self, key: Key, old: CachedAnswer, new: CachedAnswer) -> None:
        """Keeps what was made of an answer, in memory only."""
        self._memory.swap(key, old, new)

    def nearest(self, namespace: bytes, vector: Vector) -> Near | None:
        """The nearest kept question."""
        return self._index.nearest(namespace, vector)

    # ---- erasure

    def count(self, project_id: str) -> Mapping[str, int]:
        """See `ProjectStore`."""
        return {"cached_answers": self._file.count(project_id) if self._file is not None else 0}

    def erase(self, project_id: str) -> bool:
        """See `ProjectStore`."""
        return self._erase(project_id, None) > 0

    def erase_user(self, project_id: str, user_id: str) -> int:
        """Forgets what one user of a project caused; how many answers."""
        return self._erase(project_id, user_id)

    def is_settled(self, since: datetime) -> bool:
        """See `ProjectStore`. Calls under way end within the time that the eraser waits anyway."""
        return True

    def _erase(self, project_id: str, user_id: str | None) -> int:
        in_memory = self._memory.erase(project_id, user_id)
        on_disk = self._file.erase(project_id, user_id) if self._file is not None else 0
        return max(in_memory, on_disk)

    # ---- state

    @property
    def entries(self) -> int:
        """Answers in memory."""
        return len(self._memory)

    @property
    def bytes(self) -> int:
        """What they take."""
        return self._memory.bytes

    @property
    def evicted(self) -> int:
        """Answers that others displaced."""
        return self._memory.evicted

    @property
    def unwritten(self) -> int:
        """Answers that didn't reach the disk because it was too slow."""
        return self._file.dropped if self._file is not None else 0

    @property
    def problem(self) -> str:
        """Why the disk can't be written now; "" when it can."""
        return self._file.failing if self._file is not None else ""

    def _on_removed(self, key: Key, answer: CachedAnswer) -> None:
        if answer.namespace:
            self._index.remove(answer.namespace, key)
        if self._file is not None:
            self._file.put(key, None)
