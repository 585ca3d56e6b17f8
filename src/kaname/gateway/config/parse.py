"""Text of `gateway.yaml` → `GatewayConfig`.

    providers:
      openai: {type: openai, keys: [{env: OPENAI_API_KEY}, {secret: openai-2, weight: 2}]}
      box: {type: openai_compatible, base_url: "http://10.0.0.7:8000/v1", allow_private: true}
    models:
      support-bot:
        route:
          - {when: metadata.plan == "free", targets: [local/smollm2]}
          - targets: [{use: openai/gpt-4o-mini}]
            fallback: [box/qwen, local/smollm2]
        timeouts: {ttft: 10s}
        retry: {max: 2, base: 250ms, cap: 5s}
      draft: {use: local/smollm2}
    default_provider: openai
    key_defaults: {rpm: 600, budget: {usd: 50, per: month}}
    on_disconnect: cancel

Every model is also reachable as `provider/model`. `local` is always there: the models of this installation. Upstream
addresses come from this file and from nowhere else. Parsing is pure: what resolves key references is handed in.
"""

import hashlib
import json
from collections.abc import Mapping

from kaname.gateway.config.guardrails import read_guardrails
from kaname.gateway.config.model import GatewayConfig
from kaname.gateway.config.providers import read_providers
from kaname.gateway.config.routes import read_models
from kaname.gateway.config.secrets import KeyResolver, environment_keys
from kaname.gateway.config.values import word
from kaname.gateway.limits.key_defaults import read_key_defaults
from kaname.gateway.limits.model import KeyDefaults
from kaname.gateway.yaml_tree import Node, read_tree

_TOP = ("providers", "models", "default_provider", "key_defaults", "guardrails", "on_disconnect")
_NOT_IN_ANSWERS = frozenset({"models", "default_provider", "on_disconnect", "key_defaults", "log"})


def parse_config(text: str, source: str, keys: KeyResolver, *, max_connections: int = 512) -> GatewayConfig:
    """Validates the whole file; raises ConfigurationError with file, line and path of the first error."""
    top = read_tree(text, source).fields(_TOP)
    providers = read_providers(top.get("providers"), keys, max_connections)
    default = top.get("default_provider")
    if default is not None and default.text() not in providers:
        default.refuse(f"no provider is called {default.text()!r}", f"Known: {', '.join(providers)}.")
    on_disconnect = top.get("on_disconnect")
    return GatewayConfig(
        version=hashlib.sha256(text.encode()).hexdigest()[:12],
        providers=providers,
        models=read_models(top.get("models"), providers, _shared(top)),
        default_provider=default.text() if default is not None else None,
        key_defaults=read_key_defaults(top["key_defaults"]) if "key_defaults" in top else KeyDefaults(),
        guards=read_guardrails(top["guardrails"]) if "guardrails" in top else None,
        drain_on_disconnect=on_disconnect is not None and word(on_disconnect, ("cancel", "drain")) == "drain",
        text=text,
    )


def _shared(top: Mapping[str, Node]) -> bytes:
    """What all routes may use, such as providers; what can't change an answer is left out."""
    said = {key: child.plain() for key, child in top.items() if key not in _NOT_IN_ANSWERS}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()


def default_config(environment: Mapping[str, str], *, max_connections: int = 512) -> GatewayConfig:
    """Without a file: the local models, and OpenAI when `OPENAI_API_KEY` is set."""
    text = ""
    if environment.get("OPENAI_API_KEY"):
        text = "providers: {openai: {type: openai, keys: [{env: OPENAI_API_KEY}]}}\ndefault_provider: openai\n"
    return parse_config(text, "default", environment_keys(environment), max_connections=max_connections)
