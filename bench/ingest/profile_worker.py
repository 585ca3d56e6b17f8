"""Where the worker's CPU goes, stage by stage, without processes: decode, deduplicate, normalise, encode.

python bench/ingest/profile_worker.py [--profile]
"""

import argparse
import cProfile
import pstats
import random
import time

import msgspec

from bench.ingest.payloads import build_batch
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.pricing.snapshot import load_snapshot
from kaname.traces.known_spans import KnownSpans
from kaname.traces.normalise import Normaliser
from kaname.traces.otlp import protobuf
from kaname.traces.otlp.limits import OtlpLimits
from kaname.traces.wide_values import WideValues


class EmptyStore:
    """A store without spans."""

    def load_minutes(self, minutes, limit):
        return []

    def load_traces(self, minutes, trace_ids):
        return []


class NoBlobs:
    """Nothing here is wide."""

    def put(self, content):
        raise AssertionError


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    rng = random.Random(1)
    bodies = [build_batch(rng, 512) for _ in range(8)]
    n = 512 * len(bodies)
    print(f"{sum(map(len, bodies)) / n:.0f} bytes a span")
    limits, now = OtlpLimits(), time.time_ns()
    normaliser = Normaliser(PriceBook(load_snapshot()))
    wide = WideValues(NoBlobs(), wide_bytes=1 << 20, media_bytes=4096)
    known = KnownSpans(EmptyStore(), 400_000)
    encode = msgspec.json.Encoder().encode
    timings: dict[str, float] = {}

    def stage(name, run):
        start = time.process_time()
        result = run()
        timings[name] = (time.process_time() - start) / n * 1e6
        return result

    def everything():
        stage("inspect (server)", lambda: [protobuf.inspect_traces(b, limits, now) for b in bodies])
        spans = stage("decode", lambda: [s for b in bodies for s in protobuf.decode_traces(b, limits, now).spans])
        stage("deduplicate", lambda: known.select_new([("prj", s) for s in spans]))
        rows = stage("normalise", lambda: [normaliser.normalise("prj", s, received_ns=now) for s in spans])
        stage("wide", lambda: [wide.shrink(r) for r in rows])
        lines = stage("encode", lambda: [encode(r) for r in rows])
        print(f"{sum(map(len, lines)) / n:.0f} bytes of JSON a span")

    everything()
    if arguments.profile:
        profiler = cProfile.Profile()
        profiler.runcall(everything)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
    else:
        everything()
    for name, micros in timings.items():
        print(f"{name:20} {micros:7.1f} µs a span")
    print(f"{'worker sum':20} {sum(v for k, v in timings.items() if 'server' not in k):7.1f}")


if __name__ == "__main__":
    main()
