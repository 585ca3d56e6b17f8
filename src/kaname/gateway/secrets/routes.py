"""Routes of provider secrets. A value goes in and never comes out."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from kaname.access.http import principal as caller
from kaname.access.model import Principal
from kaname.gateway.config_file import ConfigFile
from kaname.gateway.secrets.store import MAX_CHARS, ProviderSecrets, SecretFacts
from kaname.kernel.errors import ConflictError

Caller = Annotated[Principal, Depends(caller)]
_SECRETS = "/api/v1/gateway/secrets"


class SetSecretRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=64)]
    value: Annotated[SecretStr, Field(max_length=MAX_CHARS)]


class SecretView(BaseModel):
    """What may be known of a secret: never its value."""

    name: str
    created_at: datetime
    updated_at: datetime
    set_by: str
    """Name of who set it last."""
    last_used_at: datetime | None
    used_by: list[str]
    """Providers of the configuration in force that name it."""


class SecretList(BaseModel):
    items: list[SecretView]


def build_router(secrets: ProviderSecrets, file: ConfigFile, before_list: Callable[[], None]) -> APIRouter:
    """Secrets; `before_list` stores when they were last used."""
    router = APIRouter(tags=["gateway"])

    @router.get(_SECRETS, operation_id="list_gateway_secrets")
    def list_secrets() -> SecretList:
        before_list()
        return SecretList(items=[_view(facts, file) for facts in secrets.list_facts()])

    @router.post(_SECRETS, operation_id="set_gateway_secret")
    def set_secret(body: SetSecretRequest, principal: Caller) -> SecretView:
        facts = secrets.put(principal, body.name, body.value.get_secret_value())
        file.reload_if_changed()
        return _view(facts, file)

    @router.delete(_SECRETS + "/{name}", operation_id="remove_gateway_secret", status_code=204)
    def remove_secret(
        name: str,
        principal: Caller,
        force: Annotated[bool, Query(description="Even if the configuration in force names it.")] = False,
    ) -> None:
        users = _used_by(name, file)
        if users and not force:
            raise ConflictError(
                f"secret {name!r} is used by {', '.join(users)}",
                hint="Take it out of the configuration first, or force it.",
                code="gateway_secret_in_use", params={"name": name[:64], "providers": ", ".join(users)},
            )  # fmt: skip
        secrets.remove(principal, name)
        file.reload_if_changed()

    _ = list_secrets, set_secret, remove_secret
    return router


def _view(facts: SecretFacts, file: ConfigFile) -> SecretView:
    return SecretView(
        name=facts.name,
        created_at=facts.created_at,
        updated_at=facts.updated_at,
        set_by=facts.set_by_name,
        last_used_at=facts.last_used_at,
        used_by=_used_by(facts.name, file),
    )


def _used_by(name: str, file: ConfigFile) -> list[str]:
    reference = f"secret:{name}"
    providers = file.current.providers.values()
    return [provider.name for provider in providers if any(key.name == reference for key in provider.keys)]
