"""What the assistant knows: passages of Markdown files and of two open question-answering sets, and its questions."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Language = Literal["en", "ja"]
HOME = Path(__file__).parents[1]
_DATA_SETS: tuple[tuple[Language, str], ...] = (("en", "squad/squad_subset.json"), ("ja", "jaquad/jaquad_subset.json"))
_LANGUAGES: tuple[Language, ...] = ("en", "ja")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of text that can be found and shown to the model."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with its known answers; questions of one topic form a session."""

    id: str
    language: Language
    topic: str
    text: str
    answers: tuple[str, ...]


def load_passages(home: Path = HOME) -> list[Passage]:
    """All passages: one a heading of our documents, one a paragraph of the data sets."""
    passages = [p for language in _LANGUAGES for p in _read_markdown(home / "documents" / language, language)]
    for language, name in _DATA_SETS:
        for number, (title, paragraph) in enumerate(_paragraphs(home / "data" / name)):
            passages.append(Passage(id=f"{language}-{number}", title=title, text=str(paragraph["context"])))
    return passages


def load_questions(home: Path = HOME) -> list[Question]:
    """All questions, sessions kept together."""
    own = json.loads((home / "data" / "own_questions.json").read_text(encoding="utf-8"))["questions"]
    questions = [
        Question(id=q["id"], language=q["language"], topic=q["topic"], text=q["question"], answers=tuple(q["answers"]))
        for q in own
    ]
    for language, name in _DATA_SETS:
        for title, paragraph in _paragraphs(home / "data" / name):
            questions.extend(
                Question(
                    id=q["id"], language=language, topic=title, text=q["question"].strip(), answers=tuple(q["answers"])
                )
                for q in paragraph["qas"]
            )
    return questions


def _paragraphs(path: Path) -> Iterator[tuple[str, Any]]:
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            yield article["title"], paragraph


def _read_markdown(folder: Path, language: Language) -> Iterator[Passage]:
    for path in sorted(folder.glob("*.md")):
        sections = re.split(r"^#+ +(.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for heading, body in zip(sections[1::2], sections[2::2], strict=True):
            yield Passage(id=f"{language}/{path.stem}#{heading}", title=heading, text=" ".join(body.split()))
