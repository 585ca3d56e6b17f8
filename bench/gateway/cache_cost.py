"""What a kept answer costs beside a call that goes upstream: CPU µs a request, interleaved in one run.

    python -m bench.gateway.cache_cost [--rounds 5] [--seconds 1]

Same gateway, mock and load as `python -m bench.gateway`. "refreshed" is a call on a cached route with `no-cache`: it
makes the key, goes upstream and keeps the answer, which is what a miss costs.
"""

import argparse
import http.client
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.gateway.load import GATEWAY_CORE, Series, child, cpu_ns, request_body, wrk
from bench.gateway.systems import HERE, start_upstream

CONFIG = """
providers: {{openai: {{type: openai, base_url: "http://127.0.0.1:{port}/ok/v1", allow_private: true}}}}
models:
  plain: {{use: openai/gpt-4o-mini}}
  whole: {{use: openai/gpt-4o-mini, cache: {{exact: 1h}}}}
  events: {{use: openai/gpt-4o-mini, cache: {{exact: 1h}}}}
  fresh: {{use: openai/gpt-4o-mini, cache: {{exact: 1h}}}}
"""
CASES: Mapping[str, tuple[str, bool, Mapping[str, str]]] = {
    "no cache, upstream": ("plain", False, {}),
    "no cache, upstream stream": ("plain", True, {}),
    "refreshed": ("fresh", False, {"cache-control": "no-cache"}),
    "hit, whole": ("whole", False, {}),
    "hit, stream kept as a stream": ("events", True, {}),
    "hit, stream from a whole answer": ("whole", True, {}),
    "hit, whole from a stream": ("events", False, {}),
}


def prime(port: int, model: str, headers: Mapping[str, str], *, stream: bool) -> None:
    """Makes the answer that is then given again."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = request_body(model, stream=stream)
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json", **headers})
    reply = connection.getresponse()
    assert reply.status == 200, reply.read()
    reply.read()
    connection.close()


def main() -> None:
    """Prints medians and ranges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    results = {name: Series() for name in CASES}
    with tempfile.TemporaryDirectory() as temporary, start_upstream(Path(temporary)) as upstream:
        folder = Path(temporary)
        config = folder / "gateway.yaml"
        config.write_text(CONFIG.format(port=upstream.port))
        serve = [sys.executable, str(HERE / "serve.py"), "--config", str(config), "--journal", str(folder / "journal")]
        with child(serve, GATEWAY_CORE) as (process, ready):
            started = json.loads(ready)
            key = {"authorization": f"Bearer {started['key']}"}
            prime(started["port"], "whole", key, stream=False)
            prime(started["port"], "events", key, stream=True)
            for _ in range(options.rounds):
                for name, (model, stream, headers) in CASES.items():
                    before = cpu_ns(process.pid)
                    load = wrk(
                        f"http://127.0.0.1:{started['port']}/v1/chat/completions", connections=32,
                        seconds=options.seconds, folder=folder, headers={**key, **headers},
                        body=request_body(model, stream=stream),
                    )  # fmt: skip
                    assert not load.errors, f"{name}: {load.errors} errors"
                    results[name].values.append((cpu_ns(process.pid) - before) / 1000 / load.requests)
    print(f"{'CPU µs a request':36}{'median':>10}         range")
    for name, series in results.items():
        print(f"{name:36}{series.show()}")


if __name__ == "__main__":
    main()
