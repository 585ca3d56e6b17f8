"""The JSON shapes of scores, and what all shapes of the Traces API have in common. No behaviour."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from kaname.traces.model import ScoreDataType, ScoreSource, ScoreTarget

Cost = Annotated[str, Field(description="US dollars as a decimal string; exact.", examples=["0.00123"])]
Time = Annotated[datetime, Field(description="ISO 8601, UTC.")]


class Shape(BaseModel):
    """Base of all: nothing beyond the declared fields."""

    model_config = ConfigDict(extra="forbid")


class ScoreChip(Shape):
    """A score in short."""

    name: str
    value: float | None
    label: str | None
    source: ScoreSource


class Score(Shape):
    """A score, a piece of feedback or a correction."""

    id: str
    name: str
    data_type: ScoreDataType
    value: float | None
    label: str | None
    text: str | None
    source: ScoreSource
    author_id: str
    author_name: str
    explanation: str
    target: ScoreTarget
    trace_id: str
    span_id: str
    session_id: str
    environment: str
    metadata: dict[str, str]
    execution_trace_id: str
    created_at: Time


class ScoreList(Shape):
    """One page of scores."""

    items: list[Score]
    next_cursor: str | None


class ScoreTargetIn(Shape):
    """What a score is about: a span (both ids), a trace or a session."""

    trace_id: str = ""
    span_id: str = ""
    session_id: str = Field("", max_length=1000)


class ScoreIn(Shape):
    """A new score. With an `id` that exists it replaces that score, so that sending it twice changes nothing."""

    name: str = Field(min_length=1, max_length=200)
    value: StrictBool | StrictInt | StrictFloat | None = None
    label: str | None = Field(None, max_length=500)
    text: str | None = Field(None, max_length=200_000)
    data_type: ScoreDataType | None = None
    target: ScoreTargetIn
    source: ScoreSource | None = None
    explanation: str = Field("", max_length=20_000)
    id: str | None = Field(None, min_length=1, max_length=200)
    environment: str = Field("default", min_length=1, max_length=40)
    metadata: dict[str, str] = Field(default_factory=dict[str, str], max_length=50)
    execution_trace_id: str = ""


class ScoreBin(Shape):
    """Numeric scores in [low, high), the last one in [low, high]."""

    low: float
    high: float
    count: int


class ScoreLabel(Shape):
    """Scores with one label."""

    label: str
    count: int


class ScoreSourceCount(Shape):
    """Scores from one source."""

    source: ScoreSource
    count: int


class ScoreSummary(Shape):
    """All scores of one name and type: how many, their mean with a 95 % interval, their distribution."""

    name: str
    data_type: ScoreDataType
    n: int
    mean: float | None
    interval_low: float | None
    interval_high: float | None
    bins: list[ScoreBin]
    labels: list[ScoreLabel]
    sources: list[ScoreSourceCount]


class ScoreSummaryList(Shape):
    """Summaries, most frequent first."""

    items: list[ScoreSummary]
    truncated: bool
