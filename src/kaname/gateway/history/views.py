"""Shapes of the configuration's API."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from kaname.gateway.history.diff import PathChange
from kaname.gateway.history.service import CurrentConfig
from kaname.gateway.history.store import MAX_MESSAGE_CHARS, ConfigSource, ConfigVersion
from kaname.kernel.errors import KanameError

Text = Annotated[str, Field(max_length=4 << 20, description="The whole `gateway.yaml`.")]
Message = Annotated[str, Field(max_length=MAX_MESSAGE_CHARS, description="Why, for those who read the history.")]
Version = Annotated[str, Field(max_length=64)]


class ConfigProblem(BaseModel):
    """What is wrong with a text, where, and the way out."""

    message: str
    hint: str
    line: int | None
    """In the text, from 1."""
    path: str
    """Such as `models.support-bot.route[0].when`; empty for the text as a whole."""


class ConfigView(BaseModel):
    version: str
    """Of the configuration in force."""
    text: str
    """What the file says: the configuration in force, unless there is a problem."""
    text_version: str
    """Of `text`: send it as `expected_version` when you save."""
    problem: ConfigProblem | None
    """Why `text` isn't in force."""
    source: ConfigSource
    path: str
    writable: bool


class ValidateRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Text


class ValidationView(BaseModel):
    ok: bool
    version: str
    problem: ConfigProblem | None = None


class SaveRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Text
    message: Message = ""
    expected_version: Version


class RestoreRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    message: Message = ""
    expected_version: Version


class ConfigVersionView(BaseModel):
    """One configuration that came into force."""

    id: str
    version: str
    source: ConfigSource
    author_id: str
    author_name: str
    message: str
    created_at: datetime
    in_force: bool


class ConfigVersionText(ConfigVersionView):
    text: str


class ConfigVersionList(BaseModel):
    items: list[ConfigVersionView]
    next_cursor: str | None = None


class PathChangeView(BaseModel):
    """One value that differs. `before` and `after` are JSON; null also where there is nothing."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: object = None
    after: object = None


class ConfigDiffView(BaseModel):
    unified: str
    changes: list[PathChangeView]


def show_problem(error: KanameError) -> ConfigProblem:
    """Place and words of what is wrong."""
    line = error.params.get("line")
    return ConfigProblem(
        message=str(error.params.get("problem", error.message)),
        hint=error.hint,
        line=int(line) if line else None,
        path=str(error.params.get("path", "")),
    )


def show_current(current: CurrentConfig) -> ConfigView:
    """The answer of reading and of saving."""
    return ConfigView(
        version=current.config.version,
        text=current.text,
        text_version=current.text_version,
        problem=show_problem(current.fault) if current.fault is not None else None,
        source=current.source,
        path=current.path,
        writable=current.is_writable,
    )


def show_version(version: ConfigVersion, in_force: str) -> ConfigVersionView:
    """A row of the history; `in_force` is the id of the newest."""
    return ConfigVersionView(
        id=version.id,
        version=version.version,
        source=version.source,
        author_id=version.author_id,
        author_name=version.author_name,
        message=version.message,
        created_at=version.created_at,
        in_force=version.id == in_force,
    )


def show_diff(unified: str, changes: list[PathChange]) -> ConfigDiffView:
    """Two versions side by side."""
    return ConfigDiffView(
        unified=unified,
        changes=[PathChangeView(path=c.path, kind=c.kind, before=c.before, after=c.after) for c in changes],
    )
