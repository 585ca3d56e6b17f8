"""Route of the explanation: of a project, because its keys, prices and budgets take part."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from kaname.access.http import project_scope
from kaname.access.keys import KeyService
from kaname.access.model import ProjectScope
from kaname.gateway.config_file import ConfigFile
from kaname.gateway.explain.explain import Explainer, Question
from kaname.gateway.explain.views import PlanExplanation
from kaname.gateway.model import Surface
from kaname.kernel.errors import ConfigurationError, InvalidInputError

Scope = Annotated[ProjectScope, Depends(project_scope)]
MAX_TEXT_CHARS = 4 << 20


class PlanRequest(BaseModel):
    """A request as a client would send it. `text`: explain under this configuration instead of the one in force."""

    model_config = ConfigDict(extra="forbid")

    request: Annotated[dict[str, object], Field(description="The body, for example of a chat completion.")]
    surface: Surface = "chat_completions"
    headers: Annotated[dict[str, str], Field(max_length=64)] = {}
    key_id: Annotated[str, Field(max_length=40, description="As if this key called; needs `keys:read`.")] = ""
    text: Annotated[str | None, Field(max_length=MAX_TEXT_CHARS)] = None


def build_router(explainer: Explainer, file: ConfigFile, keys: KeyService) -> APIRouter:
    """`POST …/gateway/plan`."""
    router = APIRouter(tags=["gateway"])

    @router.post("/api/v1/projects/{project_id}/gateway/plan", operation_id="explain_gateway_plan")
    async def explain_plan(body: PlanRequest, scope: Scope) -> PlanExplanation:
        key_name = ""
        if body.key_id:
            scope.require("keys:read")
            key_name = (await run_in_threadpool(keys.get, scope, body.key_id)).name
        config = file.current
        if body.text is not None:
            scope.require("gateway:manage")
            try:
                config = await run_in_threadpool(file.parse, body.text)
            except ConfigurationError as e:
                raise InvalidInputError(e.message, hint=e.hint, code=e.code, param="text", params=e.params) from e
        question = Question(
            document=body.request, surface=body.surface, headers=body.headers, key_id=body.key_id, key_name=key_name,
            project_id=scope.project_id, organization_id=scope.organization_id,
        )  # fmt: skip
        return explainer.explain(config, question)  # in the event loop, to which limits belong

    _ = explain_plan
    return router
