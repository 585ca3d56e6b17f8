"""A gateway process reduced to its limits, for tests with real processes.

    python limits_process.py URL SECONDS MODE

Runs 20 calls at a time against the key `key_1` for SECONDS and prints one line of JSON each 20 ms and at the end: what
it settled so far. MODE `spend`: calls cost up to their estimate of 1 cent. MODE `rate`: calls are free and count.
"""

import asyncio
import json
import random
import sys
import time

from kaname.gateway.limits.model import Estimate, Subject
from kaname.gateway.limits.process import build_limits
from kaname.kernel.clock import SystemClock
from kaname.kernel.errors import QuotaExceededError, RateLimitedError
from kaname.storage.sql.database import Database

CENT = 10_000_000


async def run(url: str, seconds: float, mode: str) -> None:
    limits = build_limits(Database(url, pool_size=2), SystemClock())
    limits.start(asyncio.get_running_loop())
    settled = calls = refused = 0
    end = time.monotonic() + seconds
    subject = Subject("key_1", "prj_1", "org_1", "alice", {}, "m")

    def report() -> None:
        print(json.dumps({"settled": settled, "calls": calls, "refused": refused, "at": time.time()}), flush=True)

    async def client() -> None:
        nonlocal settled, calls, refused
        while time.monotonic() < end:
            try:
                reservation = limits.service.reserve(subject, Estimate(5, 5, CENT if mode == "spend" else 0))
            except (QuotaExceededError, RateLimitedError):
                refused += 1
                await asyncio.sleep(0.02)
                continue
            await asyncio.sleep(random.uniform(0.005, 0.03))
            cost = random.randint(CENT // 2, CENT) if mode == "spend" else 0
            limits.service.settle(reservation, tokens=10, cost_nano_usd=cost, outcome="ok")
            settled += cost
            calls += 1

    async def reporter() -> None:
        while time.monotonic() < end:
            report()
            await asyncio.sleep(0.02)

    await asyncio.gather(reporter(), *(client() for _ in range(20)))
    limits.stop()
    report()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], float(sys.argv[2]), sys.argv[3]))
