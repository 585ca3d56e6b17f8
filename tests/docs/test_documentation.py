"""The documentation holds what the code has: settings, commands, both languages, links."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from kaname.app.cli import cli
from kaname.app.configuration import resolve_all
from kaname.kernel.settings import read_source

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("en", "ja")
PAGES = sorted(p.name for p in (ROOT / "docs" / "en").glob("*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def commands(group: click.Group, prefix: str = "kaname") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_there_in_japanese(page: str) -> None:
    japanese = read(ROOT / "docs" / "ja" / page)
    assert re.search(r"[ぁ-ん]{2}", japanese), "the Japanese page has no Japanese in it"


def test_japanese_has_no_page_of_its_own() -> None:
    assert sorted(p.name for p in (ROOT / "docs" / "ja").glob("*.md")) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_show_the_same_code(page: str) -> None:
    """A command that only one language knows is a page that was forgotten."""
    blocks = [len(re.findall(r"^```", read(ROOT / "docs" / lang / page), re.MULTILINE)) for lang in LANGUAGES]
    assert blocks[0] == blocks[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_is_documented(language: str) -> None:
    text = read(ROOT / "docs" / language / "settings.md")
    missing = [s.name for s in resolve_all(read_source(environment={})) if f"`{s.name}`" not in text]
    assert not missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_is_documented(language: str) -> None:
    text = "\n".join(read(p) for p in (ROOT / "docs" / language).glob("*.md"))
    missing = [c for c in commands(cli) if c not in text]
    assert not missing


def markdown_files() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]


@pytest.mark.parametrize("path", markdown_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    targets = [t for t in LINK.findall(read(path)) if "://" not in t and not t.startswith("mailto:")]
    broken = [t for t in targets if not (path.parent / t).exists()]
    assert not broken
