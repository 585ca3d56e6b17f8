"""What access needs from elsewhere, and what the command line groups of every slice get from `app`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from kaname.access.model import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """An API key as the key ring needs it. A revoked key comes once more, with `usable` false."""

    key_id: str
    public_part: str
    digest: str
    principal: Principal
    expires_at: datetime | None
    usable: bool


class KeySource(Protocol):
    """Where the key ring learns of keys; `KeyStore` over SQL, or a list in tests."""

    def changes_since(self, version: int) -> tuple[int, Sequence[KeyRecord]]:
        """(present version, keys created, changed or revoked after the given one). 0 means all."""
        ...

    def record_uses(self, uses: Mapping[str, datetime]) -> None:
        """Stores when keys (by id) were last used."""
        ...


class ProjectStore(Protocol):
    """One store that keeps rows of projects, for counting and erasing them (`erasure.py`)."""

    store: str
    """Its name in answers: `sql`, `columns`."""

    def count(self, project_id: str) -> Mapping[str, int]:
        """Rows of the project by table."""
        ...

    def erase(self, project_id: str) -> bool:
        """Deletes all rows of a deleted project for good; whether there were any. Repeatable."""
        ...

    def is_settled(self, since: datetime) -> bool:
        """Whether nothing that was accepted before `since` can still become a row."""
        ...


class Api(Protocol):
    """The management API of a running server, for command lines. Failures are raised as the `KanameError` they were.

    Paths start with `/api/v1/…`; answers are decoded JSON.
    """

    url: str

    def get(self, path: str, params: Mapping[str, str] | None = None) -> object: ...

    def post(self, path: str, body: object) -> object: ...

    def patch(self, path: str, body: object) -> object: ...

    def delete(self, path: str) -> object: ...

    def stream(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[bytes]:
        """The raw body in pieces, for exports."""
        ...


class ApiConnector(Protocol):
    """`click`'s context object (`@click.pass_obj`): finds the server and the credential a command should use."""

    def connect(self) -> Api:
        """The server and token of `--url`/`KANAME_URL`, `KANAME_TOKEN` or the last `kaname login`."""
        ...

    def anonymous(self, url: str | None = None) -> Api:
        """The same server without a credential."""
        ...

    def save_login(self, url: str, token: str) -> Path:
        """Keeps a personal token in the user's own settings folder, readable by nobody else."""
        ...

    def forget_login(self) -> bool:
        """Removes it; false if there was none."""
        ...

    def project_id(self, chosen: str | None) -> str:
        """The project a command works on: the chosen one, `KANAME_PROJECT`, or the only one there is."""
        ...
