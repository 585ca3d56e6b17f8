"""How many calls run at once: this process's own count plus what the others last said of theirs."""

UNLIMITED = 1 << 62


class Concurrency:
    """A counter with a limit. `elsewhere` is as old as the last exchange between processes."""

    __slots__ = ("bucket", "dirty", "elsewhere", "limit", "running")

    def __init__(self, bucket: str, limit: int) -> None:
        self.bucket = bucket
        self.limit = limit
        self.running = 0
        self.elsewhere = 0
        self.dirty = False
