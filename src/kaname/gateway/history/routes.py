"""Routes of the configuration. It is the installation's, not a project's: see `docs/en/gateway.md`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from kaname.access.http import principal as caller
from kaname.access.model import Principal
from kaname.gateway.history.service import ConfigService, compare, version_of
from kaname.gateway.history.views import (
    ConfigDiffView,
    ConfigVersionList,
    ConfigVersionText,
    ConfigView,
    RestoreRequest,
    SaveRequest,
    ValidateRequest,
    ValidationView,
    show_current,
    show_diff,
    show_problem,
    show_version,
)
from kaname.kernel.errors import ConfigurationError
from kaname.kernel.paging import DEFAULT_LIMIT, MAX_CURSOR_LENGTH, MAX_LIMIT

Caller = Annotated[Principal, Depends(caller)]
_CONFIG = "/api/v1/gateway/config"
_VERSION = _CONFIG + "/versions/{version_id}"


def build_router(service: ConfigService) -> APIRouter:
    """The configuration in force, and its history."""
    router = APIRouter(tags=["gateway"])
    _add_current(router, service)
    _add_history(router, service)
    return router


def _add_current(router: APIRouter, service: ConfigService) -> None:
    @router.get(_CONFIG, operation_id="get_gateway_config")
    def get_config() -> ConfigView:
        return show_current(service.current())

    @router.post(_CONFIG + "/validate", operation_id="validate_gateway_config")
    def validate_config(body: ValidateRequest) -> ValidationView:
        try:
            config = service.validate(body.text)
        except ConfigurationError as e:
            return ValidationView(ok=False, version=version_of(body.text), problem=show_problem(e))
        return ValidationView(ok=True, version=config.version)

    @router.post(_CONFIG + "/versions", operation_id="save_gateway_config", status_code=201)
    def save_config(body: SaveRequest, principal: Caller) -> ConfigView:
        service.save(principal, body.text, message=body.message, expected_version=body.expected_version)
        return show_current(service.current())

    _ = get_config, validate_config, save_config


def _add_history(router: APIRouter, service: ConfigService) -> None:
    history = service.history

    def newest_id() -> str:
        newest = history.newest()
        return newest.id if newest is not None else ""

    @router.get(_CONFIG + "/versions", operation_id="list_gateway_config_versions")
    def list_versions(
        cursor: Annotated[str | None, Query(max_length=MAX_CURSOR_LENGTH)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    ) -> ConfigVersionList:
        service.record_current()
        page = history.list_versions(cursor=cursor, limit=limit)
        newest = newest_id()
        return ConfigVersionList(
            items=[show_version(version, newest) for version in page.items], next_cursor=page.next_cursor
        )

    @router.get(_VERSION, operation_id="get_gateway_config_version")
    def get_version(version_id: str) -> ConfigVersionText:
        version = history.get(version_id)
        return ConfigVersionText(text=version.text, **show_version(version, newest_id()).model_dump())

    @router.get(_CONFIG + "/diff", operation_id="diff_gateway_config")
    def diff(
        before: Annotated[str, Query(max_length=64, description="Id of a version.")],
        after: Annotated[str, Query(max_length=64, description="Id of a version.")],
    ) -> ConfigDiffView:
        return show_diff(*compare(history.get(before), history.get(after)))

    @router.post(_VERSION + "/restore", operation_id="restore_gateway_config", status_code=201)
    def restore(version_id: str, body: RestoreRequest, principal: Caller) -> ConfigView:
        service.restore(principal, version_id, message=body.message, expected_version=body.expected_version)
        return show_current(service.current())

    _ = list_versions, get_version, diff, restore
