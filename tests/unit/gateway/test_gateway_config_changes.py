"""Replacing the file, keeping the last configuration, comparing texts, and counting traffic."""

from pathlib import Path

import pytest

from kaname.gateway.config_file import ConfigFile, Credentials
from kaname.gateway.history.diff import path_changes, unified_diff
from kaname.gateway.traffic import SLOT_S, SLOTS, Traffic, window_of
from kaname.kernel.errors import ConfigurationError, ConflictError

BOX = 'providers: {box: {base_url: "https://box.example/v1", keys: [{secret: box}]}}\n'


def accept(_: str) -> None:
    """Any text may be replaced."""


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("models: {}\n")
    path.chmod(0o640)
    file = ConfigFile(path, {})
    config = file.replace("on_disconnect: drain\n", accept)
    assert file.current is config
    assert config.drain_on_disconnect
    assert path.read_text() == "on_disconnect: drain\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["gateway.yaml"]
    assert not file.reload_if_changed()


def test_a_text_that_is_refused_leaves_file_and_configuration(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("models: {}\n")
    file = ConfigFile(path, {})
    before = file.current

    def refuse(_: str) -> None:
        raise ConflictError("seen another one")

    with pytest.raises(ConflictError):
        file.replace("on_disconnect: drain\n", refuse)
    with pytest.raises(ConfigurationError):
        file.replace("nonsense: 1\n", accept)
    assert file.current is before
    assert path.read_text() == "models: {}\n"


def test_a_file_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "gateway.yaml"
    file = ConfigFile(blocked, {})
    blocked.mkdir()
    with pytest.raises(ConflictError) as caught:
        file.replace("models: {}\n", accept)
    assert caught.value.code == "gateway_config_not_writable"
    assert str(blocked) in caught.value.message


def test_a_bad_file_at_start_gives_way_to_the_last_configuration(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("models: [")
    with pytest.raises(ConfigurationError):
        ConfigFile(path, {})
    file = ConfigFile(path, {}, last_text=lambda: "on_disconnect: drain\n")
    assert file.current.drain_on_disconnect
    assert "not valid YAML" in file.problem
    path.write_text("on_disconnect: cancel\n")
    assert file.reload_if_changed()
    assert file.problem == ""


def test_a_changed_secret_counts_without_a_changed_file(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(BOX)
    secrets, changes = {"box": "sk-one"}, [1]
    credentials = Credentials(resolver=lambda source, name: secrets.get(name), refresh=lambda: changes[0])
    file = ConfigFile(path, {}, credentials=credentials)
    secrets["box"], changes[0] = "sk-two", 2
    assert file.reload_if_changed()
    assert file.current.providers["box"].keys[0].secret == "sk-two"
    secrets.clear()
    changes[0] = 3
    assert not file.reload_if_changed()
    assert "secret 'box' isn't set" in file.problem
    assert file.current.providers["box"].keys[0].secret == "sk-two"


def test_differences_are_named_by_path() -> None:
    before = "models:\n  a: {use: x/one}\n  b: {use: x/two}\n"
    after = "models:\n  b: {use: x/two, tools: false}\n  c: {use: x/one}\n"
    changes = [(c.path, c.kind, c.after) for c in path_changes(before, after)]
    assert changes == [
        ("models.a", "removed", None), ("models.b.tools", "added", False), ("models.c", "added", {"use": "x/one"}),
    ]  # fmt: skip
    assert path_changes("a: [1, 2]", "a:\n- 1\n- 2\n") == []
    assert unified_diff("a\n", "a\n", "x", "y") == ""
    assert "+b" in unified_diff("a\n", "a\nb\n", "x", "y")
    assert [c.kind for c in path_changes("a: 1", "a: true")] == ["changed"]


def test_traffic_forgets_after_five_minutes_and_estimates_quantiles() -> None:
    one, other = Traffic(), Traffic()
    for i in range(100):
        one.count(1000.0, 0.001 * (i + 1), ok=True)
    other.count(1000.0, 0.0, ok=False)
    window = window_of([one, other], 1000.0)
    assert (window.requests, window.errors) == (101, 1)
    assert window.p50_s == pytest.approx(0.050, rel=0.13)
    assert window.p95_s == pytest.approx(0.095, rel=0.13)
    later = window_of([one], 1000.0 + SLOT_S * SLOTS)
    assert (later.requests, later.p50_s, one.requests) == (0, None, 100)
    assert window_of([], 1.0).requests == 0
    for extreme in (0.0, 1e-9, 1e9):
        one.count(5000.0, extreme, ok=True)
    assert window_of([one], 5000.0).requests == 3
