"""The Prometheus text format 0.0.4, written by hand: families of samples, in the order in which they were begun.

Deliberately not here: counting. Whoever counts keeps plain numbers and writes them here when somebody asks.
Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Kind = Literal["counter", "gauge", "histogram"]
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
_MAX_LABEL_CHARS = 200


class Exposition:
    """One answer to a scrape. `common` labels are given to every sample."""

    def __init__(self, common: Mapping[str, str] | None = None) -> None:
        self._families: dict[str, list[str]] = {}
        self._common = _pairs(common or {})

    def add(self, name: str, kind: Kind, help_text: str, value: float, /, **labels: str) -> None:
        """One sample of a counter or gauge."""
        self._family(name, kind, help_text).append(f"{name}{self._labels(labels)} {_number(value)}")

    def add_histogram(
        self, name: str, help_text: str, bounds: Sequence[float], counts: Iterable[int], total: float, /, **labels: str
    ) -> None:
        """One series of a histogram. `counts` are per bucket, not cumulative, with one more for what is above all
        `bounds`; `total` is the sum of the observed values."""
        lines = self._family(name, "histogram", help_text)
        seen = 0
        for bound, count in zip((*map(_number, bounds), "+Inf"), counts, strict=True):
            seen += count
            lines.append(f"{name}_bucket{self._labels({**labels, 'le': bound})} {seen}")
        lines.append(f"{name}_sum{self._labels(labels)} {_number(total)}")
        lines.append(f"{name}_count{self._labels(labels)} {seen}")

    def text(self) -> str:
        """Everything added."""
        return "".join(f"{line}\n" for lines in self._families.values() for line in lines)

    def _family(self, name: str, kind: Kind, help_text: str) -> list[str]:
        lines = self._families.get(name)
        if lines is None:
            escaped = help_text.replace("\\", "\\\\").replace("\n", "\\n")
            lines = self._families[name] = [f"# HELP {name} {escaped}", f"# TYPE {name} {kind}"]
        return lines

    def _labels(self, labels: Mapping[str, str]) -> str:
        pairs = [*self._common, *_pairs(labels)]
        return f"{{{','.join(pairs)}}}" if pairs else ""


def merge(texts: Iterable[str]) -> str:
    """Several processes' answers as one: the samples of a family must stand together."""
    families: dict[str, list[str]] = {}
    for text in texts:
        lines: list[str] = []
        is_new = False
        for line in text.splitlines():
            if line.startswith("# HELP "):
                name = line.split(" ", 3)[2]
                is_new = name not in families
                lines = families.setdefault(name, [])
            if is_new or not line.startswith("#"):
                lines.append(line)
    return "".join(f"{line}\n" for lines in families.values() for line in lines)


def _pairs(labels: Mapping[str, str]) -> list[str]:
    return [f'{name}="{value[:_MAX_LABEL_CHARS].translate(_ESCAPES)}"' for name, value in labels.items()]


def _number(value: float) -> str:
    """Integers without an exponent, since some readers show them as they come."""
    return str(int(value)) if value == int(value) and abs(value) < 1 << 53 else repr(float(value))
