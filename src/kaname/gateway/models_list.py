"""`GET /v1/models`: the names that a client can use, in OpenAI's shape plus what we know of each."""

from kaname.gateway.config import LOCAL, GatewayConfig, ModelRoute, Target, single_target
from kaname.gateway.plan import Planner
from kaname.gateway.ports import LocalModels

ModelObject = dict[str, str | int | None]


def list_models(config: GatewayConfig, local_models: LocalModels) -> list[ModelObject]:
    """Aliases first, then installed local models that no alias hides."""
    installed = {info.name: info for info in local_models.list()}
    models = [_object(route, 0) for route in config.models.values()]
    for info in installed.values():
        if info.name not in config.models:
            route = single_target(info.name, Target(provider=LOCAL, model=info.name))
            models.append({**_object(route, info.created), "context_window": info.context_window})
    return models


def describe_model(models: list[ModelObject], planner: Planner, config: GatewayConfig, name: str) -> ModelObject:
    """One model by name, `provider/model` included; raises NotFoundError with near names."""
    found = next((model for model in models if model["id"] == name), None)
    return found or _object(planner.plan(config, name).route, 0)


def _object(route: ModelRoute, created: int) -> ModelObject:
    return {
        "id": route.name,
        "object": "model",
        "created": created,
        "owned_by": next(route.targets()).provider,
        "context_window": route.context_window,
    }
