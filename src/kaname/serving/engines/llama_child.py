"""The child process that serves one GGUF model with llama.cpp's own HTTP server (wheel `xllamacpp`).

`python -m kaname.serving.engines.llama_child`, configured by JSON in `KANAME_LLAMA_SPEC` (an environment variable, not
an argument: it holds the API key, and arguments are visible to every user). Native code can crash; that is why it isn't
in the server. It prints its address when it answers, and exits when its stdin closes.
"""

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec

from kaname.kernel.child import announce_ready, exit_with_parent
from kaname.serving.engines.port import EngineSpec
from kaname.serving.files import locked

SPEC_VARIABLE = "KANAME_LLAMA_SPEC"


class _Server(Protocol):
    listening_address: str


class _Library(Protocol):
    """The part of `xllamacpp`, which ships without types, that is used here."""

    def CommonParams(self) -> Any: ...  # noqa: N802
    def Server(self, params: Any) -> _Server: ...  # noqa: N802


def configure(library: _Library, spec: EngineSpec) -> Any:
    """llama.cpp's parameters for a spec."""
    params = library.CommonParams()
    params.model.path = spec.weights
    params.model_alias = {spec.model}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [spec.api_key]
    params.n_parallel = spec.slots
    params.n_ctx = spec.context_tokens  # shared: each slot gets context_tokens / slots
    params.cpuparams.n_threads = spec.threads
    params.cpuparams_batch.n_threads = spec.threads
    params.cache_ram_mib = 0  # the default may take 8 GB and mixes adapters
    params.use_jinja = True
    params.endpoint_metrics = True
    params.endpoint_slots = False  # it would show prompts
    params.ui = False
    params.verbosity = 1  # errors only: requests must not reach the log
    if spec.embeddings:
        pooling: Any = importlib.import_module("xllamacpp").llama_pooling_type
        params.embedding = True
        params.pooling_type = pooling.LLAMA_POOLING_TYPE_MEAN
    return params


def main() -> None:
    """Loads the model, prints the ready line, and serves until stdin closes."""
    spec = msgspec.json.decode(os.environ.pop(SPEC_VARIABLE), type=EngineSpec)
    with locked(Path(spec.lock), exclusive=False, wait=True):
        # Before loading: a parent that dies meanwhile must not leave an orphan. _exit: native threads don't unwind.
        exit_with_parent(lambda: os._exit(0))
        library = cast("_Library", importlib.import_module("xllamacpp"))
        server = library.Server(configure(library, spec))
        announce_ready({"url": server.listening_address})
        signal.pause()
        del server


if __name__ == "__main__":
    sys.exit(main())
