"""`./dev demo`: a whole installation on one machine, with the example assistant's real run in it.

Pulls the bundled model, starts the server, makes an account and a key, runs the example, prints URL and login, and
stays until Ctrl-C, which stops everything that it started. Running it again reuses what is there.
"""

import argparse
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from kaname.app.api_client import ApiClient
from kaname.app.configuration import Configuration, load_configuration
from kaname.app.data_dir import DataDir, read_server_file
from kaname.kernel.errors import KanameError, UnavailableError
from kaname.kernel.settings import read_source
from kaname.serving.catalogue import parse_reference
from kaname.serving.cli import pull_with_progress
from kaname.serving.sources import build_sources
from kaname.serving.store import ModelStore

EMAIL = "demo@kaname.example"
START_TIMEOUT_S = 120.0
SETUP_MARK = "/setup?token="


class DemoState(msgspec.Struct, kw_only=True):
    """`demo.json` in the data folder, readable by its owner only: how to get in, and how far the demo came."""

    password: str
    public_key: str = ""
    secret_key: str = ""
    project_id: str = ""
    finished: bool = False


def main() -> int:
    """Runs the demo; returns the exit status."""
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--example", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--data-dir", type=Path, default=Path(".kaname"), help="where everything is kept (.kaname)")
    parser.add_argument("--port", type=int, default=8700, help="port to listen on; 0 takes a free one (8700)")
    parser.add_argument("--limit", type=int, default=0, help="ask only this many questions; 0 asks all")
    parser.add_argument("--again", action="store_true", help="run the assistant again although it has run")
    parser.add_argument("--exit", action="store_true", help="stop when the assistant has run, instead of staying up")
    options = parser.parse_args()
    try:
        return _run(options)
    except KanameError as e:
        print(f"demo: {e.message}\n  → {e.hint}", file=sys.stderr)  # noqa: T201 - a command line
        return e.exit_status
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace) -> int:
    flags = {"server.data_dir": str(options.data_dir.absolute()), "server.port": str(options.port)}
    configuration = load_configuration(read_source(flags=flags))
    data_dir = DataDir(root=configuration.data_dir)
    data_dir.create()
    _ensure_model(configuration, data_dir)
    server = _Server(flags, data_dir)
    try:
        setup_token = server.start()
        state = _ensure_account(data_dir, server.url, setup_token)
        status = 0
        if not state.finished or options.again:
            status = _run_assistant(options, data_dir, server.url, state)
            if status == 0 and not options.limit:
                state.finished = True
                _save(data_dir, state)
        _say_where(server.url, state)
        if not options.exit:
            server.wait()
        return status
    finally:
        server.stop()


class _Server:
    """`kaname up` as a child in its own session, so that Ctrl-C reaches it from here, in order."""

    def __init__(self, flags: dict[str, str], data_dir: DataDir) -> None:
        self.url = ""
        self._data_dir = data_dir
        self._flags = [f"--set={name}={value}" for name, value in flags.items()]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str | None:
        """Starts it, or joins one that already runs; returns the one-time set-up token of a new installation."""
        running = read_server_file(self._data_dir)
        if running is not None:
            self.url = running.url
            return None
        _say("… start the server")
        log_path = self._data_dir.run / "server.log"
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "kaname.app.cli", *self._flags, "up"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while (running := read_server_file(self._data_dir)) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = log_path.read_text(errors="replace").strip()[-2000:]
                raise UnavailableError(f"the server didn't start:\n{tail}", hint="kaname doctor says more.")
            time.sleep(0.1)
        self.url = running.url
        _say(f"✓ the server answers at {self.url} (log: {log_path})")
        _, found, rest = log_path.read_text(errors="replace").partition(SETUP_MARK)
        return rest.split()[0] if found else None

    def wait(self) -> None:
        """Until the server ends."""
        if self._process is None:
            _say("The server was started elsewhere and goes on.")
            return
        _say("Press Ctrl-C to stop.")
        self._process.wait()

    def stop(self) -> None:
        """Ends the server if it was started here."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _say("✓ stopped")


def _ensure_model(configuration: Configuration, data_dir: DataDir) -> None:
    name = configuration.models.default
    store = ModelStore(data_dir.models, build_sources(configuration.models))
    if configuration.models.model_path is None and store.find(name) is None:
        _say(f"… fetch the local model {name}")
        pull_with_progress(store, parse_reference(name, name="", sha256=""))
        _say(f"✓ the local model {name} is installed")


def _ensure_account(data_dir: DataDir, url: str, setup_token: str | None) -> DemoState:
    path = data_dir.root / "demo.json"
    if path.exists():
        state = msgspec.json.decode(path.read_bytes(), type=DemoState)
    elif setup_token is not None:
        state = DemoState(password=secrets.token_urlsafe(15))
        _save(data_dir, state)  # before the account exists, so that no crash leaves one without a known password
    else:
        raise UnavailableError(
            f"{str(data_dir.root)!r} already holds an installation that the demo didn't make",
            hint="Give the demo a folder of its own: ./dev demo --data-dir .kaname-demo",
        )
    if state.secret_key:
        return state
    anonymous = ApiClient(url)
    if setup_token is not None:
        setup = {"token": setup_token, "email": EMAIL, "name": "Demo", "password": state.password}
        anonymous.post("/api/v1/auth/setup", {**setup, "organization_name": "Demo", "project_name": "Assistant"})
    login = {"email": EMAIL, "password": state.password, "name": "demo set-up"}
    token = cast("dict[str, Any]", anonymous.post("/api/v1/auth/token", login))["token"]
    owner = ApiClient(url, str(token))
    me = cast("dict[str, Any]", owner.get("/api/v1/me"))
    state.project_id = me["organizations"][0]["projects"][0]["id"]
    key = cast("dict[str, Any]", owner.post(f"/api/v1/projects/{state.project_id}/keys", {"name": "example assistant"}))
    state.public_key, state.secret_key = key["public_key"], key["secret_key"]
    _save(data_dir, state)
    return state


def _save(data_dir: DataDir, state: DemoState) -> None:
    path = data_dir.root / "demo.json"
    descriptor = os.open(path.with_suffix(".tmp"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        cast("IO[bytes]", file).write(msgspec.json.encode(state))
    path.with_suffix(".tmp").replace(path)


def _run_assistant(options: argparse.Namespace, data_dir: DataDir, url: str, state: DemoState) -> int:
    """The example as its own process, as a user would run it; the key travels in the environment."""
    _say("… run the example assistant")
    argv = [sys.executable, str(options.example / "run.py"), "--url", url]
    argv += ["--state", str(data_dir.root / "example-assistant.json")]
    if options.limit:
        argv += ["--limit", str(options.limit)]
    environment = {**os.environ, "KANAME_SECRET_KEY": state.secret_key, "KANAME_PROJECT_ID": state.project_id}
    process = subprocess.Popen(argv, env=environment)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


def _say_where(url: str, state: DemoState) -> None:
    _say(f"\nOpen      {url}\nLog in    {EMAIL}\nPassword  {state.password}\nAPI key   {state.secret_key}\n")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command line


if __name__ == "__main__":
    sys.exit(main())
