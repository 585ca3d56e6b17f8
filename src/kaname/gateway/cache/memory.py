"""Answers in memory: least recently used go first when there are too many, or too many bytes.

Found in a dictionary; nothing waits. Changes also come from the thread that erases deleted projects, hence the lock.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

from kaname.gateway.cache.model import CachedAnswer, Key

OnRemoved = Callable[[Key, CachedAnswer], None]


class AnswerMemory:
    """A bounded map. `removed` is called for every entry that goes, with the lock held."""

    def __init__(self, *, max_bytes: int, max_entries: int, removed: OnRemoved | None = None) -> None:
        self._entries: OrderedDict[Key, CachedAnswer] = OrderedDict()
        self._lock = threading.Lock()
        self._max_bytes = max_bytes
        self._max_entries = max_entries
        self._removed = removed
        self.bytes = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key, now_s: float) -> CachedAnswer | None:
        """The answer, which becomes the most recently used; None when there is none or it has expired."""
        with self._lock:
            answer = self._entries.get(key)
            if answer is None:
                return None
            if answer.expires_s <= now_s:
                self._remove(key)
                return None
            self._entries.move_to_end(key)
            return answer

    def put(self, key: Key, answer: CachedAnswer) -> bool:
        """Keeps an answer; False when it is too large: more than an eighth of everything."""
        size = answer.size
        if size > self._max_bytes // 8 or not self._max_entries:
            return False
        with self._lock:
            if key in self._entries:
                self._remove(key)
            self._entries[key] = answer
            self.bytes += size
            while self.bytes > self._max_bytes or len(self._entries) > self._max_entries:
                self._remove(next(iter(self._entries)))
                self.evicted += 1
        return True

    def swap(self, key: Key, old: CachedAnswer, new: CachedAnswer) -> None:
        """Puts the same answer, richer, in its place, if it is still there."""
        with self._lock:
            if self._entries.get(key) is old:
                self._entries[key] = new
                self.bytes += new.size - old.size

    def add_oldest(self, key: Key, answer: CachedAnswer) -> bool:
        """Adds an answer of an earlier run as the least recently used; False when there is no room for more.

        A key that is taken keeps its answer, which is younger.
        """
        with self._lock:
            if key in self._entries:
                return True
            if self.bytes + answer.size > self._max_bytes or len(self._entries) >= self._max_entries:
                return False
            self._entries[key] = answer
            self._entries.move_to_end(key, last=False)
            self.bytes += answer.size
        return True

    def erase(self, project_id: str, user_id: str | None = None) -> int:
        """Forgets a project's answers, or those that one of its users caused; how many."""
        with self._lock:
            found = [
                key
                for key, answer in self._entries.items()
                if answer.project_id == project_id and (user_id is None or answer.user_id == user_id)
            ]
            for key in found:
                self._remove(key)
        return len(found)

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            for key in list(self._entries):
                self._remove(key)

    def _remove(self, key: Key) -> None:
        answer = self._entries.pop(key)
        self.bytes -= answer.size
        if self._removed is not None:
            self._removed(key, answer)
