"""What tracing costs the application's own thread: our SDK, the plain OpenTelemetry SDK and Langfuse's, in one run.

    python bench/sdk/caller_cost.py [--spans 4000] [--rounds 7]

The work is the same for all: a function of two arguments inside a parent span, its arguments and result recorded
as JSON, on a batching processor whose exporter throws everything away. `plain` is hand-written OpenTelemetry that does
just that. Measured is the CPU time of the calling thread (the exporting thread is not in it), and wall time beside it;
each subject runs in a process of its own, rounds interleaved, median of rounds. Bar: ours at most 1.5 times plain.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

QUESTION = "What does the small part that holds every rib of a folding fan do for the whole of it? " * 2
ANSWER = {
    "answer": "It is the pivot: " + "it holds every rib and lets the whole open. " * 4,
    "score": 0.87,
    "sources": [1, 2],
}
SUBJECTS = ("plain", "kaname", "langfuse")


class Discard(SpanExporter):
    """Takes spans and forgets them."""

    def export(self, spans: Any) -> SpanExportResult:
        del spans
        return SpanExportResult.SUCCESS


def answer(question: str, top_k: int) -> dict[str, Any]:
    """The traced function: does nothing, so that only tracing is measured."""
    del question, top_k
    return ANSWER


def plain() -> Callable[[], object]:
    """Hand-written OpenTelemetry, as its documentation shows it."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Discard(), max_queue_size=100_000))
    tracer = provider.get_tracer("bench")

    def call() -> object:
        with tracer.start_as_current_span("answer") as span:
            span.set_attribute("input.value", json.dumps({"question": QUESTION, "top_k": 5}, ensure_ascii=False))
            span.set_attribute("input.mime_type", "application/json")
            result = answer(QUESTION, 5)
            span.set_attribute("output.value", json.dumps(result, ensure_ascii=False))
            span.set_attribute("output.mime_type", "application/json")
            return result

    def nested() -> object:
        with tracer.start_as_current_span("parent"):
            return call()

    return nested


def kaname() -> Callable[[], object]:
    """Our decorator."""
    import kaname_sdk  # noqa: PLC0415 - each subject is alone in its process

    kaname_sdk.instrument(exporter=Discard(), max_queue=100_000)
    child = kaname_sdk.observe(answer)

    def nested() -> object:
        with kaname_sdk.span("parent"):
            return child(QUESTION, 5)

    return nested


def langfuse() -> Callable[[], object]:
    """Langfuse's decorator, with the same exporter."""
    from langfuse import Langfuse, observe  # noqa: PLC0415

    client = Langfuse(
        public_key="pk-lf-bench", secret_key="sk-lf-bench", base_url="http://127.0.0.1:9", span_exporter=Discard(),
        flush_at=512, should_export_span=lambda span: isinstance(span, ReadableSpan),
    )  # fmt: skip
    child = observe()(answer)

    def nested() -> object:
        with client.start_as_current_observation(name="parent"):
            return child(QUESTION, 5)

    return nested


def measure(subject: str, spans: int) -> tuple[float, float]:
    """(CPU, wall) microseconds a span in the calling thread; two spans a call."""
    call = {"plain": plain, "kaname": kaname, "langfuse": langfuse}[subject]()
    for _ in range(200):
        call()
    wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
    for _ in range(spans // 2):
        call()
    cpu, wall = time.thread_time_ns() - cpu, time.perf_counter_ns() - wall
    return cpu / spans / 1000, wall / spans / 1000


def main() -> None:
    """Runs every subject in turn, several rounds, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--subject", choices=SUBJECTS)
    options = parser.parse_args()
    if options.subject:
        print(json.dumps(measure(options.subject, options.spans)), flush=True)
        return
    results: dict[str, list[tuple[float, float]]] = {s: [] for s in SUBJECTS}
    for _ in range(options.rounds):
        for subject in SUBJECTS:
            command = [sys.executable, __file__, "--subject", subject, "--spans", str(options.spans)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                results[subject].append(tuple(json.loads(done.stdout.splitlines()[-1])))
            elif not results[subject]:
                print(f"{subject}: not measured ({done.stderr.strip().splitlines()[-1][:120]})")
    base = statistics.median(cpu for cpu, _ in results["plain"])
    head = f"{'subject':<10} {'CPU us/span':>12} {'wall us/span':>13} {'ratio':>6}"
    print(f"{head}   n={options.rounds} rounds of {options.spans} spans")
    for subject, rounds in results.items():
        if rounds:
            cpu, wall = (statistics.median(r[i] for r in rounds) for i in (0, 1))
            print(f"{subject:<10} {cpu:12.1f} {wall:13.1f} {cpu / base:6.2f}")


if __name__ == "__main__":
    main()
