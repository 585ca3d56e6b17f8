"""Targets of Portkey configs as providers of ours: its provider names, virtual keys, addresses and credentials.

A virtual key, or a provider of its model catalog (`@slug`), becomes a secret of that name; a key in the clear is never
copied, and what merely names a variable becomes `{env: …}`.
Sources: portkey.ai/docs/api-reference/inference-api/config-object and /docs/product/ai-gateway/configs.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from kaname.gateway.importing.model import Notes
from kaname.gateway.yaml_tree import Node

UNKNOWN_URL: Final = "https://replace-me.invalid/v1"
_TYPES: Final[Mapping[str, str]] = {
    "openai": "openai", "anthropic": "anthropic", "azure-openai": "azure", "google": "gemini", "vertex-ai": "vertex",
    "bedrock": "bedrock", "mistral-ai": "mistral", "cohere": "cohere", "ollama": "ollama",
}  # fmt: skip
_COMPATIBLE: Final[Mapping[str, str]] = {
    "anyscale": "https://api.endpoints.anyscale.com/v1", "together-ai": "https://api.together.xyz/v1",
    "groq": "https://api.groq.com/openai/v1", "perplexity-ai": "https://api.perplexity.ai",
    "fireworks-ai": "https://api.fireworks.ai/inference/v1", "deepseek": "https://api.deepseek.com/v1",
    "deepinfra": "https://api.deepinfra.com/v1/openai", "openrouter": "https://openrouter.ai/api/v1",
    "x-ai": "https://api.x.ai/v1", "cerebras": "https://api.cerebras.ai/v1", "moonshot": "https://api.moonshot.cn/v1",
    "sambanova": "https://api.sambanova.ai/v1", "nebius": "https://api.studio.nebius.ai/v1",
}  # fmt: skip
_VARIABLES: Final[Mapping[str, str]] = {
    "openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "azure-openai": "AZURE_OPENAI_API_KEY",
    "google": "GEMINI_API_KEY", "mistral-ai": "MISTRAL_API_KEY", "cohere": "COHERE_API_KEY",
    "together-ai": "TOGETHER_API_KEY", "groq": "GROQ_API_KEY", "perplexity-ai": "PERPLEXITY_API_KEY",
    "fireworks-ai": "FIREWORKS_API_KEY", "deepseek": "DEEPSEEK_API_KEY", "openrouter": "OPENROUTER_API_KEY",
    "x-ai": "XAI_API_KEY",
}  # fmt: skip
"""What to call the variable of a provider whose key came with each request."""
_GUESSES: Final = (("azure", "azure-openai"), ("gemini", "google"), ("claude", "anthropic"), ("gpt", "openai"))
_ENVIRONMENT: Final = re.compile(r"(?:\$\{?|process\.env\.|\{\{\s*)?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:\}|\s*\}\})?")
_PRIVATE: Final = re.compile(
    r"https?://(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[?::1|[\w-]+(:\d+)?(/|$))"
)
CREDENTIALS: Final = frozenset(
    {
        "provider", "api_key", "virtual_key", "custom_host", "resource_name", "deployment_id", "api_version",
        "aws_region", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "vertex_project_id",
        "vertex_region", "vertex_service_account_json",
    }
)  # fmt: skip


class Placed(NamedTuple):
    """Where a target goes; `model` is empty when the request would have said it."""

    provider: str
    model: str


class PortkeyProviders:
    """Providers that were needed so far, in the form of our file."""

    def __init__(self, notes: Notes) -> None:
        self.found: dict[str, dict[str, object]] = {}
        self._notes = notes

    def place(self, target: Node, fields: Mapping[str, Node], model: str) -> Placed:
        """The provider of a target without a strategy, and the model that it asks for."""
        slug, model = _catalog(fields, model)
        kind = self._kind(target, fields, slug)
        provider = self._describe(kind, target, fields, slug)
        if not model and "deployment_id" in fields:
            model = str(fields["deployment_id"].value)
        return Placed(self._name(slug or kind, provider), model)

    def _kind(self, target: Node, fields: Mapping[str, Node], slug: str) -> str:
        node = fields.get("provider")
        if node is not None and not str(node.value).startswith("@"):
            return str(node.value)
        for word, kind in (*((name, name) for name in (*_TYPES, *_COMPATIBLE)), *_GUESSES):
            if word in slug:
                self._notes.add(node or target, f"{slug!r} is taken for a provider of type {kind!r}, by its name")
                return kind
        self._notes.add(node or target, f"nothing says which provider {slug!r} is: write its `type` and `base_url`")
        return slug

    def _describe(self, kind: str, target: Node, fields: Mapping[str, Node], slug: str) -> dict[str, object]:
        ours = _TYPES.get(kind, "openai_compatible")
        host = fields.get("custom_host")
        if host is not None and ours == "openai":
            ours = "openai_compatible"
        provider: dict[str, object] = {"type": ours}
        url = str(host.value).rstrip("/") if host is not None else _COMPATIBLE.get(kind, "")
        if not url and ours == "openai_compatible":
            url = UNKNOWN_URL
            self._notes.add(target, f"the address of {kind!r} isn't known: put it in place of {UNKNOWN_URL}")
        if url:
            provider["base_url"] = url
        if (url and _PRIVATE.match(url)) or (ours == "ollama" and not url):
            provider["allow_private"] = True
        self._add_options(ours, provider, target, fields)
        if ours not in ("vertex", "ollama") and (key := self._key(kind, ours, target, fields, slug)) is not None:
            provider["keys"] = [key]
        return provider

    def _add_options(self, ours: str, provider: dict[str, object], target: Node, fields: Mapping[str, Node]) -> None:
        if ours == "azure":
            if "api_version" in fields:
                provider["api_version"] = str(fields["api_version"].value)
            if "resource_name" in fields:
                provider["resource"] = str(fields["resource_name"].value)
            elif "base_url" not in provider:
                provider["base_url"] = UNKNOWN_URL
                self._notes.add(target, f"the resource isn't named: put its address in place of {UNKNOWN_URL}")
        elif ours == "bedrock":
            provider["region"] = str(fields["aws_region"].value) if "aws_region" in fields else "us-east-1"
            if "aws_region" not in fields:
                self._notes.add(target, "the region isn't named: `us-east-1` stands in for it")
        elif ours == "vertex":
            provider["project"] = str(fields["vertex_project_id"].value) if "vertex_project_id" in fields else "-"
            if "vertex_region" in fields:
                provider["region"] = str(fields["vertex_region"].value)
            if provider["project"] == "-":
                self._notes.add(target, "the Google Cloud project isn't named: write it as `project`")
            self._notes.add(
                fields.get("vertex_service_account_json") or target,
                "store the service account's JSON with `kaname gateway secrets set vertex`, and give the provider "
                "`keys: [{secret: vertex}]`",
            )

    def _key(self, kind: str, ours: str, target: Node, fields: Mapping[str, Node], slug: str) -> dict[str, str] | None:
        if slug:
            name = secret_name(slug)
            self._notes.add(
                fields.get("virtual_key") or fields.get("provider") or target,
                f"Portkey keeps this key: store it with `kaname gateway secrets set {name}`",
            )
            return {"secret": name}
        if ours == "bedrock":
            self._notes.add(
                fields.get("aws_access_key_id") or target,
                "store ACCESS_KEY_ID:SECRET_ACCESS_KEY with `kaname gateway secrets set bedrock`",
            )
            return {"secret": "bedrock"}
        node = fields.get("api_key")
        if node is None:
            variable = _VARIABLES.get(kind)
            if variable is not None:
                self._notes.add(target, f"the key came with each request: put it into ${variable}")
            return {"env": variable} if variable is not None else None
        found = _ENVIRONMENT.fullmatch(str(node.value))
        if found is not None:
            return {"env": found[1]}
        name = secret_name(f"{kind}-line-{node.line}")
        self._notes.add(node, f"a key stands here in the clear: store it with `kaname gateway secrets set {name}`")
        return {"secret": name}

    def _name(self, wanted: str, provider: dict[str, object]) -> str:
        base = secret_name(wanted)
        for number in range(1, 1000):
            name = base if number == 1 else f"{base}-{number}"
            if name != "local" and self.found.setdefault(name, provider) == provider:
                return name
        return base


def secret_name(text: str) -> str:
    """A text as the name of a secret or provider."""
    return re.sub(r"[^a-z0-9._-]", "-", text.lower()).lstrip("._-")[:60] or "portkey"


def _catalog(fields: Mapping[str, Node], model: str) -> tuple[str, str]:
    """The virtual key or the catalog's provider, "" for none, and the model without it."""
    slug = str(fields["virtual_key"].value) if "virtual_key" in fields else ""
    provider = str(fields["provider"].value) if "provider" in fields else ""
    if provider.startswith("@"):
        slug = provider.removeprefix("@")
    if model.startswith("@") and "/" in model:
        slug, _, model = model.removeprefix("@").partition("/")
    return slug, model
