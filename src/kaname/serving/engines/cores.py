"""How many threads a model should compute with.

One less than the physical cores this process may use, at least one: llama.cpp's OpenMP threads spin at barriers, and on
a machine whose last core is taken by somebody else generation falls by a factor of 30 to 100.
"""

import math
import os
from pathlib import Path


def count_model_threads(setting: int = 0) -> int:
    """The setting, or physical cores - 1."""
    return setting if setting > 0 else max(1, count_usable_cores() - 1)


def count_usable_cores() -> int:
    """Physical cores within this process's affinity and its container's CPU quota."""
    logical = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    physical = _physical_cores(Path("/proc/cpuinfo")) or logical
    quota = _quota_cores(Path("/sys/fs/cgroup/cpu.max")) or logical
    return max(1, min(logical, physical, quota))


def _physical_cores(cpuinfo: Path) -> int:
    """Distinct (socket, core) pairs; 0 if the system doesn't tell."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    pairs: set[tuple[str, str]] = set()
    for block in text.split("\n\n"):
        fields = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in block.splitlines())}
        if "core id" in fields:
            pairs.add((fields.get("physical id", "0"), fields["core id"]))
    return len(pairs)


def _quota_cores(cpu_max: Path) -> int:
    """Whole cores of a cgroup v2 quota, rounded up; 0 without a quota."""
    try:
        quota, period = cpu_max.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return 0
    return 0 if quota == "max" else math.ceil(int(quota) / int(period))
