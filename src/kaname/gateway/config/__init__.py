"""`gateway.yaml` as frozen values: providers (where, with which keys) and models (alias → route)."""

from kaname.gateway.config.model import (
    LOCAL,
    BaseUrl,
    CanaryPlan,
    GatewayConfig,
    Mirror,
    ModelRoute,
    Provider,
    ProviderKey,
    RetryPolicy,
    RouteStep,
    Split,
    Target,
    single_target,
    split_name,
)
from kaname.gateway.config.parse import default_config, parse_config
from kaname.gateway.config.secrets import KeyResolver, environment_keys
from kaname.gateway.config.values import parse_base_url

__all__ = [
    "LOCAL", "BaseUrl", "CanaryPlan", "GatewayConfig", "KeyResolver", "Mirror", "ModelRoute", "Provider", "ProviderKey",
    "RetryPolicy", "RouteStep", "Split", "Target", "default_config", "environment_keys", "parse_base_url",
    "parse_config", "single_target", "split_name",
]  # fmt: skip
