"""Route of the answer cache: what one end user caused is forgotten."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from kaname.access.http import project_scope
from kaname.access.model import ProjectScope
from kaname.gateway.cache.erasure import MAX_USER_CHARS, UserErasure

Scope = Annotated[ProjectScope, Depends(project_scope)]
UserId = Annotated[str, Query(min_length=1, max_length=MAX_USER_CHARS, description="As callers name the user.")]


class ErasedAnswers(BaseModel):
    erased: int
    """Answers of the process that was asked, on disk and in memory; others follow within seconds."""


def build_router(erasure: UserErasure) -> APIRouter:
    """`DELETE …/gateway/cache?user_id=`."""
    router = APIRouter(tags=["gateway"])

    @router.delete("/api/v1/projects/{project_id}/gateway/cache", operation_id="erase_cached_answers")
    def erase_cached_answers(user_id: UserId, scope: Scope) -> ErasedAnswers:
        """Forgets the kept answers that an end user caused, in every process of the installation."""
        return ErasedAnswers(erased=erasure.erase(scope, user_id))

    _ = erase_cached_answers
    return router
