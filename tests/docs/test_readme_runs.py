"""The quickstarts of README.md, run as they stand against a real server: only address and key are filled in."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from live import LiveServer

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCK = re.compile(r"<!-- test: ([\w-]+) -->\n```python\n(.*?)```", re.DOTALL)
BLOCKS = dict(BLOCK.findall(README.read_text(encoding="utf-8")))


def run(code: str, server: LiveServer) -> subprocess.CompletedProcess[str]:
    filled = code.replace("http://127.0.0.1:8700", server.url).replace("kn-sk-…", server.secret_key)
    return subprocess.run(
        [sys.executable, "-c", filled], capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ)
    )


def test_the_readme_has_its_quickstarts() -> None:
    assert set(BLOCKS) == {"quickstart-openai", "quickstart-sdk"}


def test_the_sdk_quickstart_makes_a_span(live_server: LiveServer) -> None:
    done = run(BLOCKS["quickstart-sdk"], live_server)
    assert done.returncode == 0, done.stderr
    wanted = '[{"field": "name", "op": "eq", "value": "answer"}]'
    span = live_server.wait_for_spans(1, filter_json=wanted)[0]
    assert "Does it work?" in span["input_preview"]
    assert "DOES IT WORK?" in span["output_preview"]


def test_the_openai_quickstart_reaches_the_gateway(live_server: LiveServer) -> None:
    """Without the model's weights the gateway must say which command installs them; with them it answers."""
    done = run(BLOCKS["quickstart-openai"], live_server)
    if done.returncode != 0:
        assert "NotFoundError" in done.stderr, done.stderr
        assert "`GET /v1/models` lists the models" in done.stderr, done.stderr
        pytest.skip("the local model isn't installed: kaname models pull smollm2")
    assert done.stdout.strip()
