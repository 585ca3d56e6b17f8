from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from kaname.kernel.errors import ConfigurationError
from kaname.kernel.settings import environment_name, load_settings, read_source, reject_unknown, resolve, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleSettings:
    port: int = setting(8000, "The port.")
    ratio: float = setting(0.5, "A ratio.")
    fast: bool = setting(False, "Speed.")
    folder: Path | None = setting(None, "A folder.")
    mode: Literal["a", "b"] = setting("a", "A mode.")
    names: tuple[str, ...] = setting((), "Names.")
    token: str = setting("", "A secret.", secret=True)


def source(tmp_path: Path, text: str = "", flags: dict[str, str] | None = None, env: dict[str, str] | None = None):
    path = tmp_path / "kaname.toml"
    path.write_text(text, encoding="utf-8")
    return read_source(flags=flags, file_path=path, environment=env or {})


def test_most_specific_layer_wins_and_origin_is_told(tmp_path: Path) -> None:
    layers = source(
        tmp_path,
        "[example]\nport = 1\nratio = 0.25\nfast = true\n",
        flags={"example.port": "3"},
        env={"KANAME_EXAMPLE_PORT": "2", "KANAME_EXAMPLE_RATIO": "0.75"},
    )
    loaded = load_settings(layers, "example", ExampleSettings)
    assert (loaded.port, loaded.ratio, loaded.fast, loaded.mode) == (3, 0.75, True, "a")
    origins = {r.name: r.origin for r in resolve(layers, "example", ExampleSettings)}
    assert origins["example.port"] == "flag"
    assert origins["example.ratio"] == "environment"
    assert origins["example.fast"] == "file"
    assert origins["example.mode"] == "default"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[example]\nfolder = "~/x"\n', Path("~/x").expanduser()),
        ('[example]\nnames = ["a", "b"]\n', ("a", "b")),
        ('[example]\nmode = "b"\n', "b"),
    ],
)
def test_values_become_their_types(tmp_path: Path, text: str, expected: object) -> None:
    loaded = load_settings(source(tmp_path, text), "example", ExampleSettings)
    assert expected in (loaded.folder, loaded.names, loaded.mode)


def test_environment_lists_are_split_at_commas(tmp_path: Path) -> None:
    loaded = load_settings(source(tmp_path, env={"KANAME_EXAMPLE_NAMES": "a, b,"}), "example", ExampleSettings)
    assert loaded.names == ("a", "b")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[example]\nport = "many"\n', "example.port"),
        ('[example]\nfast = "perhaps"\n', "example.fast"),
        ('[example]\nmode = "c"\n', "example.mode"),
        ("[example]\nprot = 1\n", "example.prot"),
        ("[example]\nport = true\n", "example.port"),
        ("example = 1\n", "[example]"),
        ("[example\n", "kaname.toml"),
    ],
)
def test_wrong_values_are_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(source(tmp_path, text), "example", ExampleSettings)
    assert named in caught.value.message
    assert caught.value.hint


def test_unknown_flags_and_sections_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"example\.prot"):
        reject_unknown(source(tmp_path, flags={"example.prot": "1"}), {"example": ExampleSettings})
    with pytest.raises(ConfigurationError, match="exmaple"):
        reject_unknown(source(tmp_path, "[exmaple]\n"), {"example": ExampleSettings})


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        read_source(file_path=tmp_path / "absent.toml", environment={})


def test_environment_name() -> None:
    assert environment_name("journal", "max_bytes") == "KANAME_JOURNAL_MAX_BYTES"
