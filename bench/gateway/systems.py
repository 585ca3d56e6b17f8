"""The systems that are measured side by side: each as a URL, headers and a model name for one upstream behaviour.

Ours has everything on that production has: keys, a route with a condition and a split, limits and a budget, usage and
cost, records with bodies into a journal on disk. LiteLLM has its master key and no database; Portkey has its log off.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.gateway.load import GATEWAY_CORE, LOAD_CORE, child
from bench.gateway.peers import MASTER_KEY, PeerUnavailableError, start_litellm, start_portkey

HERE = Path(__file__).parent
MODES = ("ok", "paced", "hang")
_PREFIX = ("taskset", "-c", GATEWAY_CORE)


@dataclass(frozen=True, kw_only=True)
class System:
    """Something that answers chat completions. `pid` 0: its CPU isn't ours to count."""

    name: str
    pid: int
    port: int
    paths: Mapping[str, str]
    models: Mapping[str, str]
    headers: Mapping[str, Mapping[str, str]]

    def url(self, mode: str) -> str:
        """Where to post for an upstream's behaviour."""
        return f"http://127.0.0.1:{self.port}{self.paths[mode]}"


def config_text(upstream: str) -> str:
    """A route with a condition and a split before each behaviour. The model's name has a price."""
    lines = ["providers:"]
    for mode in MODES:
        name = "openai" if mode == "ok" else f"openai-{mode}"
        lines.append(f'  {name}: {{type: openai, base_url: "{upstream}/{mode}/v1", allow_private: true}}')
    lines.append("models:")
    for mode in MODES:
        target = f"{'openai' if mode == 'ok' else f'openai-{mode}'}/gpt-4o-mini"
        split = f"{{split: {{arms: {{a: 90, b: 10}}, sticky: session_id}}, targets: {{a: {target}, b: {target}}}}}"
        lines.append(f"  {mode}: {{route: [{{when: 'metadata.plan == \"vip\"', targets: [{target}]}}, {split}]}}")
    return "\n".join(lines) + "\n"


@contextmanager
def start_upstream(folder: Path) -> Iterator[System]:
    """The mock in C, called directly."""
    binary = folder / "mock_upstream"
    subprocess.run(["gcc", "-O2", "-o", str(binary), str(HERE / "mock_upstream.c")], check=True)
    with child([str(binary), "0"], LOAD_CORE) as (_, line):
        paths = {mode: f"/{mode}/v1/chat/completions" for mode in MODES}
        yield System(
            name="direct", pid=0, port=int(line.split()[1]), paths=paths, models=dict.fromkeys(MODES, "m"),
            headers={mode: {"authorization": "Bearer none"} for mode in MODES},
        )  # fmt: skip


@contextmanager
def start_ours(folder: Path, upstream_port: int) -> Iterator[System]:
    """The gateway alone in a process."""
    config = folder / "gateway.yaml"
    config.write_text(config_text(f"http://127.0.0.1:{upstream_port}"))
    serve = [sys.executable, str(HERE / "serve.py"), "--config", str(config), "--journal", str(folder / "journal")]
    with child(serve, GATEWAY_CORE) as (process, ready):
        started = json.loads(ready)
        yield System(
            name="ours", pid=process.pid, port=started["port"], paths=dict.fromkeys(MODES, "/v1/chat/completions"),
            models={mode: mode for mode in MODES},
            headers={mode: {"authorization": f"Bearer {started['key']}"} for mode in MODES},
        )  # fmt: skip


@contextmanager
def start_bare() -> Iterator[System]:
    """uvicorn with the gateway's settings and an application that answers at once: the floor."""
    with child([sys.executable, str(HERE / "bare.py")], GATEWAY_CORE) as (process, ready):
        yield System(
            name="bare uvicorn", pid=process.pid, port=json.loads(ready)["port"], paths=dict.fromkeys(MODES, "/"),
            models=dict.fromkeys(MODES, "m"), headers={mode: {"authorization": "Bearer none"} for mode in MODES},
        )  # fmt: skip


@contextmanager
def start_peers(folder: Path, upstream_port: int) -> Iterator[list[System]]:
    """LiteLLM and Portkey, as far as they can be had; says why not."""
    systems: list[System] = []
    with contextlib.ExitStack() as stack:
        try:
            models = [
                {
                    "model_name": mode,
                    "litellm_params": {
                        "model": "openai/gpt-4o-mini", "api_key": "none", "max_retries": 0,
                        "api_base": f"http://127.0.0.1:{upstream_port}/{mode}/v1",
                    },
                }
                for mode in MODES
            ]  # fmt: skip
            config = {
                "model_list": models, "general_settings": {"master_key": MASTER_KEY},
                "router_settings": {"num_retries": 0}, "litellm_settings": {"num_retries": 0, "telemetry": False},
            }  # fmt: skip
            peer = start_litellm(folder / "litellm", config, prefix=_PREFIX)
            stack.callback(peer.stop)
            systems.append(
                System(
                    name="LiteLLM", pid=peer.pid, port=peer.port, paths=dict.fromkeys(MODES, "/v1/chat/completions"),
                    models={mode: mode for mode in MODES},
                    headers={mode: {"authorization": f"Bearer {MASTER_KEY}"} for mode in MODES},
                )
            )  # fmt: skip
        except PeerUnavailableError as e:
            print(f"LiteLLM left out: {e}", file=sys.stderr)
        try:
            peer = start_portkey(folder / "portkey", prefix=_PREFIX)
            stack.callback(peer.stop)
            headers = {
                mode: {
                    "x-portkey-provider": "openai", "authorization": "Bearer none",
                    "x-portkey-custom-host": f"http://127.0.0.1:{upstream_port}/{mode}/v1",
                }
                for mode in MODES
            }  # fmt: skip
            systems.append(
                System(
                    name="Portkey", pid=peer.pid, port=peer.port, paths=dict.fromkeys(MODES, "/v1/chat/completions"),
                    models=dict.fromkeys(MODES, "m"), headers=headers,
                )
            )  # fmt: skip
        except PeerUnavailableError as e:
            print(f"Portkey left out: {e}", file=sys.stderr)
        yield systems
