"""Coverage-guided fuzzing of the OTLP parsers, for as long as you like.

    pip install atheris && python -m bench.ingest.fuzz [seconds]

Anything but a MalformedError is a finding; so is an outcome that doesn't add up. The property tests in
`tests/unit/ingest` do a little of the same in every run; without atheris this falls back to plain mutation.
"""

import importlib
import random
import sys
import time
from collections.abc import Callable

from bench.ingest.payloads import build_batch
from kaname.traces.otlp import json as otlp_json
from kaname.traces.otlp import protobuf as otlp_protobuf
from kaname.traces.otlp.limits import OtlpLimits
from kaname.traces.otlp.outcome import MalformedError

LIMITS = OtlpLimits(max_attributes=20, max_items=200)
DECODERS = (
    otlp_protobuf.decode_traces,
    otlp_protobuf.decode_logs,
    otlp_json.decode_traces,
    otlp_json.decode_logs,
)


def check(body: bytes) -> None:
    """Decodes a body in every way."""
    for decode in DECODERS:
        try:
            items, outcome = decode(body, LIMITS, time.time_ns())
        except MalformedError:
            continue
        assert len(items) == outcome.accepted, outcome
        assert outcome.message("traces")


def mutate_for(seconds: float, test: Callable[[bytes], None]) -> int:
    """Flips, cuts and splices honest bodies; returns how many it tried."""
    rng = random.Random(time.time_ns())
    seeds = [build_batch(rng, 4), b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"' + b"ab" * 16 + b'"}]}]}]}']
    tried = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        body = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(1, 8)):
            at = rng.randrange(len(body))
            action = rng.randrange(3)
            if action == 0:
                body[at] = rng.randrange(256)
            elif action == 1:
                del body[at : at + rng.randrange(1, 20)]
            else:
                body[at:at] = bytes(body[rng.randrange(len(body)) :][: rng.randrange(1, 40)])
            if not body:
                body = bytearray(b"\0")
        try:
            test(bytes(body))
        except Exception:
            print(f"finding: {bytes(body)!r}")
            raise
        tried += 1
    return tried


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        print(f"{mutate_for(seconds, check)} bodies tried without atheris, no finding")
        return 0
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], f"-max_total_time={int(seconds)}"], check)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
