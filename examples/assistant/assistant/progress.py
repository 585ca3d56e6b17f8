"""What was asked so far, in a small file: an interrupted run goes on, a finished one isn't repeated."""

import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from assistant.corpus import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One question with its answer, scores and trace."""

    question_id: str
    language: str
    answer: str
    exact: bool
    f1: float
    trace_id: str
    thumb: bool | None = None
    """A simulated user's thumb; None where none was given."""


@dataclass(slots=True, kw_only=True)
class Progress:
    """A run: mutable, saved after every answer."""

    run_id: str
    key: str
    """Installation, model and questions; another key starts another run."""
    answered: list[Answered] = field(default_factory=list[Answered])

    def has(self, question: Question) -> bool:
        """Whether this question was answered."""
        return any(a.question_id == question.id for a in self.answered)

    def save(self, path: Path) -> None:
        """Writes the file atomically."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1), encoding="utf-8")
        os.replace(temporary, path)  # noqa: PTH105 - atomic by contract


def open_progress(path: Path, key: str) -> Progress:
    """The run in the file if it is of this key, else a new one. A damaged file counts as none."""
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if stored["key"] == key:
            return Progress(run_id=stored["run_id"], key=key, answered=[Answered(**a) for a in stored["answered"]])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return Progress(run_id=new_run_id(), key=key)


def new_run_id() -> str:
    """A few random letters that tell runs apart in session names."""
    return secrets.token_hex(3)


def progress_key(url: str, secret_key: str, model: str, questions: Sequence[Question]) -> str:
    """What makes two runs the same. The API key is in it (hashed): a new installation may have the old address."""
    asked = [(q.id, q.text, q.answers) for q in questions]
    digest = hashlib.sha256(repr((secret_key, asked)).encode()).hexdigest()[:16]
    return f"{url} {model} {digest}"
