"""Settings of section `models`."""

from dataclasses import dataclass
from pathlib import Path

from kaname.kernel.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsSettings:
    """How local models are fetched and served."""

    default: str = setting("smollm2", "Name of the local model that `kaname up` offers.")
    model_path: Path | None = setting(
        None,
        "A GGUF file that is served under the default name instead of the installed one; its digest isn't checked.",
    )
    threads: int = setting(0, "CPU threads of one model; 0 means physical cores - 1, at least 1.")
    slots: int = setting(4, "Requests that one model works on at the same time.")
    context_tokens: int = setting(8192, "Context of one model in tokens, shared by its slots.")
    embeddings: bool = setting(True, "Serve /v1/embeddings (mean of the hidden states) beside chat.")
    idle_stop_s: float = setting(900.0, "A model without requests for this long is stopped; 0 keeps it.")
    start_timeout_s: float = setting(60.0, "How long a model may take to load.")
    queue_limit: int = setting(64, "Requests that may wait while a model starts; more get 503 and Retry-After.")
    max_running: int = setting(2, "Models kept in memory; the least recently used idle one makes room.")
    hf_endpoint: str = setting("https://huggingface.co", "Where `hf:` references are downloaded from.")
    hf_token: str = setting("", "Bearer token for gated `hf:` files.", secret=True)
