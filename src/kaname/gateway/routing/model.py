"""What a routing decision may look at."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class RouteInput(NamedTuple):
    """One call as conditions and splits see it. Header names are lower case."""

    model: str
    surface: str
    stream: bool
    key_name: str
    key_id: str
    project_id: str
    session_id: str
    user_id: str
    tags: Sequence[str]
    metadata: Mapping[str, str]
    headers: Mapping[bytes, bytes]
