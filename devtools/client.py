"""The UI's typed client, from a real, empty server: `schema.d.ts`; and from its sources: `error-codes.ts`."""

import json
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from devtools.environment import PYTHON
from devtools.error_codes import CODES, render_codes
from devtools.frontend import UI, ensure_modules, node_environment
from devtools.steps import StepError, run_quietly, say

SCHEMA = UI / "src" / "api" / "schema.d.ts"
START_TIMEOUT_S = 60.0


def write_client(node: Path) -> None:
    """Writes the schema anew."""
    SCHEMA.write_text(_generate(node), encoding="utf-8")
    CODES.write_text(render_codes(), encoding="utf-8")
    say(f"✓ wrote {SCHEMA.name} and {CODES.name}")


def check_client(node: Path) -> None:
    """Raises StepError when the committed schema isn't that of the server's present routes."""
    if not SCHEMA.exists() or SCHEMA.read_text(encoding="utf-8") != _generate(node):
        raise StepError("ui/src/api/schema.d.ts doesn't match the server's OpenAPI; run `./dev client`.")
    if CODES.read_text(encoding="utf-8") != render_codes():
        raise StepError("ui/src/api/error-codes.ts doesn't match the server's errors; run `./dev client`.")
    say("✓ the UI's client matches the server's OpenAPI")


def _generate(node: Path) -> str:
    ensure_modules(node)
    with tempfile.TemporaryDirectory(prefix="kaname-client-") as folder:
        document = Path(folder) / "openapi.json"
        document.write_text(json.dumps(_fetch_document(Path(folder)), indent=1), encoding="utf-8")
        output = Path(folder) / "schema.d.ts"
        program = UI / "node_modules" / ".bin" / "openapi-typescript"
        # A field with a default may be left out of a request, and the generator can't tell requests from answers.
        argv = [program, document, "--default-non-nullable=false", "-o", output]
        run_quietly("generate the UI's client", argv, environment=node_environment(node))
        return output.read_text(encoding="utf-8")


def _fetch_document(folder: Path) -> object:
    ready = folder / "data" / "run" / "server.json"
    argv = [PYTHON, "-m", "kaname.app.cli", "--data-dir", folder / "data", "up", "--port", "0"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen([str(a) for a in argv], stdout=log, stderr=log, cwd=folder)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise StepError((folder / "server.log").read_text(errors="replace")[-3000:])
            time.sleep(0.1)
        url = json.loads(ready.read_text())["url"]
        with urllib.request.urlopen(f"{url}/api/openapi.json", timeout=30) as answer:
            return json.load(answer)
    finally:
        process.terminate()
        process.wait(30)
