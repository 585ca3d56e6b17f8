"""`kaname gateway …` against a running server: secrets, apply, history, diff, restore, plan."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from live import LiveServer

BOX = 'providers: {box: {base_url: "http://127.0.0.1:1/v1", allow_private: true, keys: [{secret: cli-key}]}}\n'


@pytest.fixture
def run(live_server: LiveServer, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Runs a command as the owner; takes its traces away."""
    token = live_server.call("POST", "/api/v1/me/tokens", {"name": "cli tests"}).json()
    environment = {**os.environ, "KANAME_URL": live_server.url, "KANAME_TOKEN": token["token"]}

    def command(*arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "kaname.app.cli", "gateway", *arguments],
            input=stdin, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    yield command
    (live_server.data_dir / "gateway.yaml").unlink(missing_ok=True)
    live_server.call("GET", "/api/v1/gateway/config")
    live_server.call("DELETE", "/api/v1/gateway/secrets/cli-key?force=true")


def test_a_configuration_from_secret_to_restore(run: Callable[..., str], tmp_path: Path) -> None:
    assert "Stored cli-key" in run("secrets", "set", "cli-key", stdin="sk-from-stdin-1\n")
    (tmp_path / "one.yaml").write_text(BOX + "models: {draft: {use: box/small}}\n")
    (tmp_path / "two.yaml").write_text(BOX + "models: {draft: {use: box/large}}\n")
    assert "is in force" in run("apply", "one.yaml", "-m", "first")
    assert run("diff", "current", "two.yaml", "--paths") == 'models.draft.use: "box/small" → "box/large"\n'
    run("apply", "two.yaml", "-m", "second")
    newest, older = run("history", "--limit", "2").splitlines()
    assert newest.startswith("* ")
    assert newest.endswith("cli tests (cli)  second")
    listed = run("secrets", "list")
    assert "box" in listed
    assert "sk-from" not in listed
    (tmp_path / "request.json").write_text('{"model": "draft", "messages": [{"role": "user", "content": "hi"}]}')
    assert "primary: box/large: passed" in run("plan", "--request", "request.json", "--key", "tests")
    run("restore", older.split()[0])
    assert "primary: box/small: passed" in run("plan", "--request", "request.json")
