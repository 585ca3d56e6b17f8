"""Routes of a project's API keys."""

from typing import Annotated

from fastapi import APIRouter, Depends

from kaname.access.http import project_scope
from kaname.access.model import ProjectScope
from kaname.access.permissions import DEFAULT_KEY_SCOPES, parse_scopes
from kaname.access.service import AccessService
from kaname.access.wire import CreatedKeyView, CreateKeyRequest, Cursor, KeyList, KeyView, Limit, NameRequest
from kaname.kernel.paging import DEFAULT_LIMIT

Scope = Annotated[ProjectScope, Depends(project_scope)]
_KEYS = "/api/v1/projects/{project_id}/keys"


def build_keys_router(access: AccessService) -> APIRouter:
    """List, create, rename and revoke."""
    router = APIRouter(tags=["keys"])

    @router.get(_KEYS, operation_id="list_keys")
    def list_keys(scope: Scope, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> KeyList:
        page = access.keys.list_keys(scope, cursor=cursor, limit=limit)
        return KeyList(items=[KeyView.of(key) for key in page.items], next_cursor=page.next_cursor)

    @router.post(_KEYS, operation_id="create_key", status_code=201)
    def create_key(body: CreateKeyRequest, scope: Scope) -> CreatedKeyView:
        scopes = DEFAULT_KEY_SCOPES if body.scopes is None else parse_scopes(body.scopes)
        created = access.keys.create(scope, name=body.name, scopes=scopes, expires_at=body.expires_at)
        return CreatedKeyView(**KeyView.of(created.key).model_dump(), secret_key=created.secret_key)

    @router.patch(_KEYS + "/{key_id}", operation_id="rename_key")
    def rename_key(key_id: str, body: NameRequest, scope: Scope) -> KeyView:
        return KeyView.of(access.keys.rename(scope, key_id, body.name))

    @router.delete(_KEYS + "/{key_id}", operation_id="revoke_key", status_code=204)
    def revoke_key(key_id: str, scope: Scope) -> None:
        access.keys.revoke(scope, key_id)

    return router
