"""Azure OpenAI: OpenAI's formats under a resource of one's own, with `api-key`.

With option `api_version` a model's name is the name of its deployment and stands in the path; without it the newer
`/openai/v1` is used, where it stands in the body as everywhere else. `base_url` is the resource's address without a
path; option `resource` spells it out. A first chunk with empty `choices` (the filter's verdict on the prompt) is passed
on, but isn't content: until some comes the call can still go elsewhere.
Not here: Entra ID tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kaname.gateway.model import Surface
from kaname.gateway.providers.model import MEDIA_SURFACES, OPENAI_PATHS, HeaderLines, OpenAIAdapter, path_segment

_NO_DEPLOYMENT: Final[frozenset[Surface]] = frozenset({"responses"})
"""Surfaces whose model stands in the body in every version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureAdapter(OpenAIAdapter):
    """See `Adapter`."""

    def default_url(self, options: Mapping[str, str]) -> str:
        """See `Adapter`."""
        resource = options.get("resource", "")
        return f"https://{resource}.openai.azure.com" if resource else ""

    def headers(self, secret: str, options: Mapping[str, str]) -> HeaderLines:
        """See `Adapter`."""
        return [("api-key", secret)] if secret else []

    def native_path(self, surface: Surface, model: str, options: Mapping[str, str], *, stream: bool) -> str | None:
        """See `Adapter`."""
        if surface not in self.surfaces:
            return None
        version = options.get("api_version", "")
        if not version:
            return f"/openai/v1{OPENAI_PATHS[surface]}"
        folder = "" if surface in _NO_DEPLOYMENT else f"/deployments/{path_segment(model)}"
        return f"/openai{folder}{OPENAI_PATHS[surface]}?api-version={path_segment(version)}"


AZURE: Final = AzureAdapter(
    type="azure",
    surfaces=frozenset({"chat_completions", "completions", "embeddings", "responses", *MEDIA_SURFACES}),
    options={"api_version": False, "resource": False},
)
