"""`kaname models`: the commands on a data folder without a server."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kaname.kernel.errors import NotFoundError
from kaname.serving.cli import ModelsContext, build_models_group
from kaname.serving.settings import ModelsSettings
from kaname.serving.store import ModelStore


@pytest.fixture
def run(store: ModelStore) -> Callable[..., Result]:
    group = build_models_group(lambda: ModelsContext(store, ModelsSettings()))
    return lambda *arguments: CliRunner().invoke(group, arguments)


def test_pull_list_rm(run: Callable[..., Result], tmp_path: Path, gguf: Callable[..., bytes]) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf())
    pulled = run("pull", f"file:{path}")
    assert pulled.exit_code == 0, pulled.output
    assert "tiny" in pulled.output
    assert "apache-2.0" in run("list").output
    assert '"architecture":"llama"' in run("list", "--json").output
    assert "Removed tiny" in run("rm", "tiny").output
    assert "kaname models pull smollm2" in run("list").output


def test_rm_of_an_unknown_model(run: Callable[..., Result]) -> None:
    assert isinstance(run("rm", "nothing").exception, NotFoundError)
