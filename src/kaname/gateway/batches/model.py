"""What files and batches are. Statuses, codes and field names are OpenAI's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

FilePurpose = Literal["batch", "batch_output"]
BatchStatus = Literal[
    "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"
]
UNFINISHED: frozenset[BatchStatus] = frozenset({"validating", "in_progress", "finalizing", "cancelling"})

MAX_REQUESTS = 50_000
"""Of one batch, as OpenAI's."""
MAX_LINE_ERRORS = 50
"""How many wrong lines are told before reading stops."""


class Owner(NamedTuple):
    """On whose account a batch runs: the key that made it."""

    project_id: str
    organization_id: str
    key_id: str
    key_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file. `parts`: digests of the blobs that hold it, in order."""

    id: str
    project_id: str
    purpose: FilePurpose
    filename: str
    size: int
    parts: tuple[str, ...]
    created_at: datetime


class LineError(NamedTuple):
    """Why a line of the input can't be run. `line` counts from 1; None where the whole file is meant."""

    code: str
    message: str
    param: str | None
    line: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch as it is stored. `reached`: when it came into a status, by status."""

    id: str
    owner: Owner
    endpoint: str
    completion_window: str
    input_file_id: str
    output_file_id: str | None
    error_file_id: str | None
    status: BatchStatus
    total: int
    completed: int
    failed: int
    errors: tuple[LineError, ...]
    metadata: Mapping[str, str] | None
    created_at: datetime
    expires_at: datetime
    reached: Mapping[str, datetime]


class BatchLine(NamedTuple):
    """One request of the input. `body` is JSON, as it is sent to the pipeline."""

    position: int
    custom_id: str
    body: bytes


class ItemResult(NamedTuple):
    """What became of one request: its line in the output file, or in the error file."""

    position: int
    custom_id: str
    succeeded: bool
    line: bytes
