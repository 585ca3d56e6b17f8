"""How well the `injection` guard does on labelled texts, a language and a family at a time, and what it costs.

    python -m bench.gateway.injections [file.jsonl …]      default: the held-out set in tests/data/guardrails

A line of a file is an object with `language`, `attack`, `family` and `text`. Intervals are Wilson's, 95 %.
"""

import json
import math
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple, TypedDict

from kaname.gateway.guardrails.injection import InjectionGuard

HELD_OUT = Path(__file__).parents[2] / "tests" / "data" / "guardrails" / "injection_held_out.jsonl"
Z = 1.96


class Example(TypedDict):
    """One labelled text."""

    language: str
    attack: bool
    family: str
    text: str


class Share(NamedTuple):
    """`hits` of `total`."""

    hits: int
    total: int

    def __str__(self) -> str:
        low, high = wilson(self)
        return f"{self.hits}/{self.total} = {self.hits / max(self.total, 1):.2f} [{low:.2f}, {high:.2f}]"


def wilson(share: Share) -> tuple[float, float]:
    """The score interval (Wilson 1927)."""
    hits, total = share
    if not total:
        return 0.0, 1.0
    p = hits / total
    scale = 1 + Z * Z / total
    middle = (p + Z * Z / (2 * total)) / scale
    half = Z * math.sqrt(p * (1 - p) / total + Z * Z / (4 * total * total)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)


def report(examples: list[Example]) -> None:
    """Prints recall, precision and false alarms of each language, and hits of each family."""
    guard = InjectionGuard()
    for language in sorted({example["language"] for example in examples}):
        those = [example for example in examples if example["language"] == language]
        flagged = [example for example in those if guard.find(example["text"])]
        caught = sum(example["attack"] for example in flagged)
        attacks = sum(example["attack"] for example in those)
        print(f"{language}  recall {Share(caught, attacks)}  precision {Share(caught, len(flagged))}")
        print(f"    false alarms {Share(len(flagged) - caught, len(those) - attacks)}")
        of, hit = (Counter((e["attack"], e["family"]) for e in some) for some in (those, flagged))
        for (attack, family), total in of.items():
            print(f"    {'attack  ' if attack else 'harmless'} {family:<18} {hit[attack, family]}/{total}")


def measure_cost(examples: list[Example]) -> None:
    """Prints microseconds a kilobyte: the least of several passes, over texts of about a kilobyte."""
    guard = InjectionGuard()
    for language in sorted({example["language"] for example in examples}):
        harmless = [e["text"] for e in examples if e["language"] == language and not e["attack"]]
        texts = ["\n".join(harmless[i : i + 10]) for i in range(0, len(harmless), 10)]
        size = sum(len(text.encode()) for text in texts) / 1000
        passes: list[float] = []
        for _ in range(20):
            began = time.perf_counter()
            for text in texts:
                guard.find(text)
            passes.append(time.perf_counter() - began)
        print(f"{language}  {min(passes) / size * 1e6:.0f} µs a kB over texts of {size / len(texts) * 1000:.0f} bytes")


def main(paths: list[str]) -> int:
    """For each file its report."""
    for path in [Path(path) for path in paths] or [HELD_OUT]:
        examples: list[Example] = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        print(path.name)
        report(examples)
        measure_cost(examples)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
