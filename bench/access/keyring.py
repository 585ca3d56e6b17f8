"""Authentication on the hot path, beside the least that any check of a hashed key must do (SHA-256, compare, look up).

    python -m bench.access.keyring

Bar: at most 2 µs for `Authorization: Bearer kn-sk-…`, with 10,000 keys in the ring.
"""

import base64
import hashlib
import hmac
import time
import timeit
from collections.abc import Callable

from kaname.access.keyring import KeyRing
from kaname.testing.access import KeyList

KEYS = 10_000
CALLS = 50_000
ROUNDS = 7


def best_us(act: Callable[[], object]) -> float:
    """Least CPU time a call over some rounds: the machine's noise only ever adds."""
    return min(timeit.repeat(act, number=CALLS, repeat=ROUNDS, timer=time.process_time)) / CALLS * 1e6


def main() -> None:
    keys = KeyList()
    pairs = [keys.issue(f"prj_{i % 100}") for i in range(KEYS)]
    ring = KeyRing(keys)
    cpu = time.process_time()
    ring.refresh()
    print(f"load {KEYS} keys: {(time.process_time() - cpu) * 1e3:.0f} ms CPU")

    public_key, secret_key = pairs[KEYS // 2]
    bearer = f"Bearer {secret_key}".encode()
    basic = b"Basic " + base64.b64encode(f"{public_key}:{secret_key}".encode())
    secret = secret_key.encode()
    digest = hashlib.sha256(secret).digest()
    table = {r.public_part.encode(): digest for r in keys.records}
    sha256, compare = hashlib.sha256, hmac.compare_digest

    floor = best_us(lambda: compare(sha256(secret).digest(), table[secret[6:26]]))
    for name, act in (
        ("bearer", lambda: ring.authenticate(bearer)),
        ("basic", lambda: ring.authenticate(basic)),
        ("x-api-key", lambda: ring.authenticate(None, secret)),
    ):
        cost = best_us(act)
        print(f"authenticate {name}: {cost:.2f} µs, {cost / floor:.1f}x the floor of {floor:.2f} µs")
    print(
        f"require: {best_us(lambda: ring.require(ring.authenticate(bearer), 'gateway:call')):.2f} µs with authenticate"
    )


if __name__ == "__main__":
    main()
