"""Thread counts from /proc and cgroup files."""

from pathlib import Path

from kaname.serving.engines.cores import _physical_cores, _quota_cores, count_model_threads


def test_hyperthreads_count_once(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text("\n\n".join(f"processor: {i}\nphysical id: 0\ncore id: {i % 2}" for i in range(4)))
    assert _physical_cores(path) == 2
    assert _physical_cores(tmp_path / "absent") == 0


def test_container_quota(tmp_path: Path) -> None:
    path = tmp_path / "cpu.max"
    path.write_text("150000 100000\n")
    assert _quota_cores(path) == 2
    path.write_text("max 100000\n")
    assert _quota_cores(path) == 0


def test_never_less_than_one() -> None:
    assert count_model_threads() >= 1
    assert count_model_threads(3) == 3
