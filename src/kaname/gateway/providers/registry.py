"""Every kind of provider by its name in the configuration. Third parties: entry-point group `kaname.provider`."""

from typing import Final

from kaname.gateway.providers.anthropic import ANTHROPIC
from kaname.gateway.providers.azure import AZURE
from kaname.gateway.providers.bedrock import BEDROCK
from kaname.gateway.providers.cohere import COHERE
from kaname.gateway.providers.gemini import GEMINI
from kaname.gateway.providers.llama_cpp import LLAMA_CPP
from kaname.gateway.providers.mistral import MISTRAL
from kaname.gateway.providers.model import Adapter
from kaname.gateway.providers.ollama import OLLAMA
from kaname.gateway.providers.openai import LOCAL, OPENAI, OPENAI_COMPATIBLE
from kaname.gateway.providers.vertex import VERTEX
from kaname.gateway.providers.vllm import VLLM
from kaname.kernel.registry import Registry

ADAPTERS: Final[Registry[Adapter]] = Registry("provider")
for _adapter in (
    OPENAI,
    OPENAI_COMPATIBLE,
    ANTHROPIC,
    LOCAL,
    AZURE,
    BEDROCK,
    COHERE,
    GEMINI,
    MISTRAL,
    VERTEX,
    VLLM,
    LLAMA_CPP,
    OLLAMA,
):
    ADAPTERS.register(_adapter.type, _adapter)
