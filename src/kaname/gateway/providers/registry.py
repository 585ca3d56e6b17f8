"""Every kind of provider by its name in the configuration. Third parties: entry-point group `kaname.provider`."""

from typing import Final

from kaname.gateway.providers.anthropic import ANTHROPIC
from kaname.gateway.providers.model import Adapter
from kaname.gateway.providers.openai import LOCAL, OPENAI, OPENAI_COMPATIBLE
from kaname.kernel.registry import Registry

ADAPTERS: Final[Registry[Adapter]] = Registry("provider")
for _adapter in (OPENAI, OPENAI_COMPATIBLE, ANTHROPIC, LOCAL):
    ADAPTERS.register(_adapter.type, _adapter)
