"""A process that fills an answer cache until it is killed: `cache_process.py FOLDER`. Prints what it has kept."""

import sys
import time
from pathlib import Path

from kaname.gateway.cache.model import CachedAnswer
from kaname.gateway.cache.store import AnswerStore


def main() -> None:
    """Keeps answers for ever."""
    store = AnswerStore(Path(sys.argv[1]), max_bytes=64 << 20, max_entries=100_000)
    store.start()
    n = 0
    while True:
        now = time.time()
        for _ in range(20):
            n += 1
            body = b'{"n": %d, "text": "%b"}' % (n, b"x" * 2000)
            answer = CachedAnswer(
                project_id="p", surface="chat_completions", format="json", body=body, span_id="s",
                created_s=now, expires_s=now + 3600,
            )  # fmt: skip
            store.put(b"%032d" % n, answer)
        print(n, flush=True)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
