"""Providers of LiteLLM deployments: its model prefixes, addresses and keys, as providers of ours.

A provider of ours is one address with its keys. Deployments with other keys are other providers, so that no model
suddenly uses a key that it didn't use before.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from kaname.gateway.importing.model import Notes
from kaname.gateway.yaml_tree import Node

_TYPES: Final[Mapping[str, str]] = {
    "openai": "openai", "text-completion-openai": "openai", "azure": "azure", "anthropic": "anthropic",
    "gemini": "gemini", "bedrock": "bedrock", "mistral": "mistral", "cohere": "cohere", "cohere_chat": "cohere",
    "ollama": "ollama", "ollama_chat": "ollama", "hosted_vllm": "vllm", "vllm": "vllm",
}  # fmt: skip
_COMPATIBLE: Final[Mapping[str, str]] = {
    "deepseek": "https://api.deepseek.com/v1", "groq": "https://api.groq.com/openai/v1",
    "xai": "https://api.x.ai/v1", "openrouter": "https://openrouter.ai/api/v1",
    "together_ai": "https://api.together.xyz/v1", "fireworks_ai": "https://api.fireworks.ai/inference/v1",
    "perplexity": "https://api.perplexity.ai", "nvidia_nim": "https://integrate.api.nvidia.com/v1",
    "cerebras": "https://api.cerebras.ai/v1", "openai_like": "", "custom_openai": "", "litellm_proxy": "",
    "lm_studio": "", "llamafile": "",
}  # fmt: skip
_DEFAULT_KEYS: Final[Mapping[str, str]] = {
    "openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "azure": "AZURE_API_KEY", "gemini": "GEMINI_API_KEY",
    "mistral": "MISTRAL_API_KEY", "cohere": "COHERE_API_KEY", "deepseek": "DEEPSEEK_API_KEY", "groq": "GROQ_API_KEY",
    "xai": "XAI_API_KEY", "openrouter": "OPENROUTER_API_KEY", "together_ai": "TOGETHERAI_API_KEY",
    "fireworks_ai": "FIREWORKS_API_KEY", "perplexity": "PERPLEXITYAI_API_KEY",
}  # fmt: skip
"""Variables that LiteLLM reads when a deployment names no key."""
_VARIABLE: Final = "os.environ/"
_UNKNOWN_URL: Final = "https://replace-me.invalid/v1"
_PRIVATE = re.compile(r"https?://(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[?::1|[\w-]+(:\d+)?(/|$))")


class Deployment(NamedTuple):
    """Where one entry of `model_list` goes: a provider of ours and its name for the model."""

    provider: str
    model: str


class Providers:
    """Providers that were needed so far, in the form of our file."""

    def __init__(self, notes: Notes) -> None:
        self.found: dict[str, dict[str, object]] = {}
        self._notes = notes

    def place(self, params: Mapping[str, Node], entry: Node) -> Deployment | None:
        """The provider and model of a deployment; None, with a note, when there is no way to serve it."""
        node = params.get("model")
        if node is None:
            self._notes.add(entry, "has no `litellm_params.model`")
            return None
        prefix, model = _split(node.text(), params)
        provider = self._describe(prefix, params, node)
        if provider is None:
            return None
        return Deployment(self._name(prefix, provider), model)

    def _describe(self, prefix: str, params: Mapping[str, Node], node: Node) -> dict[str, object] | None:
        kind = _TYPES.get(prefix)
        url = self._url(params)
        if kind is None and prefix not in _COMPATIBLE and url is None:
            self._notes.add(node, f"provider {prefix!r} isn't known here; give its address as `api_base` to import it")
            return None
        if kind is None or (kind == "openai" and url is not None and "api.openai.com" not in url):
            kind, url = "openai_compatible", url or _COMPATIBLE.get(prefix) or _UNKNOWN_URL
        provider: dict[str, object] = {"type": kind}
        if url is not None:
            provider["base_url"] = url
            if url == _UNKNOWN_URL:
                self._notes.add(node, f"the address of {prefix!r} isn't known: put it in place of {_UNKNOWN_URL}")
        self._add_options(kind, provider, params, node)
        if (url is not None and _PRIVATE.match(url)) or (kind == "ollama" and url is None):
            provider["allow_private"] = True
        key = self._key(prefix, params)
        if key is not None:
            provider["keys"] = [key]
        return provider

    def _add_options(self, kind: str, provider: dict[str, object], params: Mapping[str, Node], node: Node) -> None:
        if kind == "azure":
            if "api_version" in params:
                provider["api_version"] = str(params["api_version"].value)
            if "base_url" not in provider:
                provider["base_url"] = _UNKNOWN_URL
                self._notes.add(node, "the resource's address (`api_base`) is missing")
        if kind == "bedrock":
            region = params.get("aws_region_name")
            text = str(region.value) if region is not None else ""
            provider["region"] = text if text and not text.startswith(_VARIABLE) else "us-east-1"
            if provider["region"] != text:
                self._notes.add(region or node, "write the region itself: `us-east-1` stands in for it")

    def _url(self, params: Mapping[str, Node]) -> str | None:
        node = params.get("api_base") or params.get("base_url")
        if node is None:
            return None
        text = str(node.value)
        if text.startswith(_VARIABLE):
            variable = text.removeprefix(_VARIABLE)
            self._notes.add(node, f"addresses can't be variables: put that of ${variable} in place of {_UNKNOWN_URL}")
            return _UNKNOWN_URL
        return text.rstrip("/")

    def _key(self, prefix: str, params: Mapping[str, Node]) -> dict[str, str] | None:
        if prefix == "bedrock":
            self._note_aws(params)
            return {"secret": "bedrock"}
        node = params.get("api_key")
        if node is None:
            variable = _DEFAULT_KEYS.get(prefix)
            return {"env": variable} if variable is not None else None
        text = str(node.value)
        if text.startswith(_VARIABLE):
            return {"env": text.removeprefix(_VARIABLE)}
        if not text or text.lower() in ("none", "fake-key", "anything"):
            return None
        name = f"{prefix.replace('_', '-')}-line-{node.line}"
        self._notes.add(node, f"a key stands here in the clear: store it with `kaname gateway secrets set {name}`")
        return {"secret": name}

    def _note_aws(self, params: Mapping[str, Node]) -> None:
        node = params.get("aws_access_key_id") or params["model"]
        self._notes.add(
            node,
            "store ACCESS_KEY_ID:SECRET_ACCESS_KEY, or a Bedrock API key, with `kaname gateway secrets set bedrock`",
        )

    def _name(self, prefix: str, provider: dict[str, object]) -> str:
        base = prefix.replace("_", "-").lower()
        for number in range(1, 1000):
            name = base if number == 1 else f"{base}-{number}"
            if self.found.setdefault(name, provider) == provider:
                return name
        return base


def _split(text: str, params: Mapping[str, Node]) -> tuple[str, str]:
    """LiteLLM's prefix and the model's own name. Without a prefix it is OpenAI's or Anthropic's."""
    custom = params.get("custom_llm_provider")
    if custom is not None:
        prefix = str(custom.value)
        return prefix, text.removeprefix(prefix + "/")
    prefix, slash, model = text.partition("/")
    if slash and (prefix in _TYPES or prefix in _COMPATIBLE or "api_base" not in params):
        return prefix, model
    return ("anthropic" if text.startswith("claude") else "openai"), text
