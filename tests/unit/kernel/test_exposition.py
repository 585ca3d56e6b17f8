"""The text that Prometheus scrapes."""

import pytest

from kaname.kernel.exposition import Exposition, merge


def test_families_are_written_once_with_their_samples_together() -> None:
    out = Exposition({"process": "server"})
    out.add("calls_total", "counter", "Calls.", 3, model="a")
    out.add("up", "gauge", "Up.", True)
    out.add("calls_total", "counter", "Calls.", 4, model="b")
    assert out.text() == (
        "# HELP calls_total Calls.\n# TYPE calls_total counter\n"
        'calls_total{process="server",model="a"} 3\ncalls_total{process="server",model="b"} 4\n'
        '# HELP up Up.\n# TYPE up gauge\nup{process="server"} 1\n'
    )


def test_buckets_are_cumulative_and_end_at_infinity() -> None:
    out = Exposition()
    out.add_histogram("t_seconds", "Times.", (0.1, 1.0), [2, 0, 3], 12.5, surface="chat")
    assert out.text().splitlines()[2:] == [
        't_seconds_bucket{surface="chat",le="0.1"} 2',
        't_seconds_bucket{surface="chat",le="1"} 2',
        't_seconds_bucket{surface="chat",le="+Inf"} 5',
        't_seconds_sum{surface="chat"} 12.5',
        't_seconds_count{surface="chat"} 5',
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [('a"b', 'a\\"b'), ("a\\b", "a\\\\b"), ("a\nb", "a\\nb"), ("x" * 500, "x" * 200), ("日本", "日本")],
)
def test_labels_are_escaped_and_bounded(value: str, written: str) -> None:
    out = Exposition()
    out.add("m", "gauge", "M.", 1, l=value)
    assert out.text().splitlines()[-1] == f'm{{l="{written}"}} 1'


def test_texts_of_several_processes_merge_family_by_family() -> None:
    texts = []
    for name in ("a", "b"):
        out = Exposition({"process": name})
        out.add("x_total", "counter", "X.", 1)
        out.add("y", "gauge", "Y.", 2)
        texts.append(out.text())
    assert merge([*texts, ""]).splitlines() == [
        "# HELP x_total X.", "# TYPE x_total counter", 'x_total{process="a"} 1', 'x_total{process="b"} 1',
        "# HELP y Y.", "# TYPE y gauge", 'y{process="a"} 2', 'y{process="b"} 2',
    ]  # fmt: skip
