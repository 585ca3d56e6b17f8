"""docs/{en,ja}/access.md say what the code does: permissions, settings, commands."""

import dataclasses
from pathlib import Path

import click
import pytest

from kaname.access.cli import keys
from kaname.access.permissions import DEFAULT_KEY_SCOPES, PERMISSIONS, PROJECT_PERMISSIONS, ROLE_PERMISSIONS, ROLES
from kaname.access.settings import AccessSettings
from kaname.storage.blobs.settings import BlobsSettings
from kaname.storage.crypto_settings import CryptoSettings
from kaname.storage.sql.settings import SqlSettings

DOCS = Path(__file__).parents[3] / "docs"
LANGUAGES = ("en", "ja")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_of_roles_is_the_one_in_force(language: str) -> None:
    lines = (DOCS / language / "access.md").read_text(encoding="utf-8").splitlines()
    shown = [line for line in lines if line.startswith("| `") and line.count("|") == len(ROLES) + 3]
    expected: list[str] = []
    for permission in PERMISSIONS:
        of_keys = "✓" if permission in PROJECT_PERMISSIONS else "–"
        of_keys = "◎" if permission in DEFAULT_KEY_SCOPES else of_keys
        cells = ["✓" if permission in ROLE_PERMISSIONS[role] else "–" for role in ROLES]
        expected.append(f"| `{permission}` | {' | '.join([*cells, of_keys])} |")
    assert shown == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_and_command_is_documented(language: str) -> None:
    text = "".join((DOCS / language / name).read_text(encoding="utf-8") for name in ("access.md", "sql.md"))
    sections = {"access": AccessSettings, "sql": SqlSettings, "blobs": BlobsSettings, "crypto": CryptoSettings}
    for section, cls in sections.items():
        for field in dataclasses.fields(cls):
            assert f"`{section}.{field.name}`" in text
    assert isinstance(keys, click.Group)
    for name in keys.commands:
        assert f"kaname keys {name}" in text
