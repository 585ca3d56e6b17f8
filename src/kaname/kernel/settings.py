"""Settings: each slice declares a frozen dataclass; values come from flag > environment > `kaname.toml` > default.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class JournalSettings:
        max_bytes: int = setting(2 << 30, "Bound of the write-ahead log in bytes.")

    loaded = load_settings(source, "journal", JournalSettings)

The environment name of field `max_bytes` in section `journal` is `KANAME_JOURNAL_MAX_BYTES`, the flag
`--set journal.max_bytes=…`, the file key `[journal] max_bytes`. There is no settings singleton: `app/wiring.py`
loads every section and hands each slice its own.
"""

import dataclasses
import os
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from kaname.kernel.errors import ConfigurationError

S = TypeVar("S")
Origin = Literal["flag", "environment", "file", "default"]


def setting(default: Any, description: str, *, secret: bool = False) -> Any:
    """A dataclass field with its description; `secret` values are never printed."""
    metadata = {"description": description, "secret": secret}
    if isinstance(default, (list, dict)):
        raise TypeError("a setting's default must be immutable")
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedSetting:
    """One setting with its value and where that came from."""

    name: str
    value: object
    origin: Origin
    description: str
    secret: bool
    environment_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsSource:
    """The raw layers, most specific first."""

    flags: Mapping[str, str]
    environment: Mapping[str, str]
    file: Mapping[str, Any]
    file_path: Path | None = None


def read_source(
    *,
    flags: Mapping[str, str] | None = None,
    file_path: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> SettingsSource:
    """Collects the layers. `file_path` None means `./kaname.toml` if it exists; a named file must exist."""
    path = file_path or Path("kaname.toml")
    table: dict[str, Any] = {}
    if file_path is not None or path.exists():
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
            raise ConfigurationError(
                f"settings file {str(path)!r} can't be read: {e}", hint="Mend or remove it."
            ) from e
    env = os.environ if environment is None else environment
    return SettingsSource(flags=dict(flags or {}), environment=dict(env), file=table, file_path=path)


def load_settings(source: SettingsSource, section: str, cls: type[S]) -> S:
    """Builds one section's dataclass; raises ConfigurationError naming the setting, the value and its origin."""
    values = {r.name.partition(".")[2]: r.value for r in resolve(source, section, cls)}
    return cls(**values)


def resolve(source: SettingsSource, section: str, cls: type[Any]) -> list[ResolvedSetting]:
    """Every setting of a section with value and origin."""
    hints = typing.get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(cls)}
    table = source.file.get(section, {})
    if not isinstance(table, dict):
        raise ConfigurationError(
            f"[{section}] in {str(source.file_path)!r} isn't a table", hint=f"Write `[{section}]`."
        )
    for key in typing.cast("dict[str, object]", table):
        if key not in known:
            raise ConfigurationError(
                f"unknown setting {section}.{key} in {str(source.file_path)!r}",
                hint=f"Known: {', '.join(sorted(known))}.",
            )
    return [_resolve_one(source, section, f, hints[f.name]) for f in dataclasses.fields(cls)]


def reject_unknown(source: SettingsSource, sections: Mapping[str, type[Any]]) -> None:
    """Refuses flags, `KANAME_*` variables and file tables that no section declares: a typo must not pass silently."""
    names = {f"{s}.{f.name}" for s, cls in sections.items() for f in dataclasses.fields(cls)}
    for flag in source.flags:
        if flag not in names:
            raise ConfigurationError(f"unknown setting {flag!r}", hint="`kaname settings` lists all of them.")
    for table in source.file:
        if table not in sections:
            raise ConfigurationError(
                f"unknown section [{table}] in {str(source.file_path)!r}", hint=f"Known: {', '.join(sorted(sections))}."
            )


def environment_name(section: str, name: str) -> str:
    """`KANAME_SECTION_NAME`."""
    return f"KANAME_{section}_{name}".upper()


def _resolve_one(source: SettingsSource, section: str, f: "dataclasses.Field[Any]", hint: Any) -> ResolvedSetting:
    full, env = f"{section}.{f.name}", environment_name(section, f.name)
    raw: object
    origin: Origin
    if full in source.flags:
        raw, origin = source.flags[full], "flag"
    elif env in source.environment:
        raw, origin = source.environment[env], "environment"
    elif f.name in source.file.get(section, {}):
        raw, origin = source.file[section][f.name], "file"
    else:
        raw, origin = f.default, "default"
    value = raw if origin == "default" else _convert(raw, hint, full, origin)
    return ResolvedSetting(
        name=full,
        value=value,
        origin=origin,
        description=str(f.metadata.get("description", "")),
        secret=bool(f.metadata.get("secret", False)),
        environment_name=env,
    )


def _convert(raw: object, hint: Any, name: str, origin: str) -> object:
    if get_origin(hint) in (typing.Union, types.UnionType):
        if raw in ("", None):
            return None
        hint = next(a for a in get_args(hint) if a is not type(None))
    try:
        if get_origin(hint) is Literal:
            if raw not in get_args(hint):
                raise ValueError(f"must be one of {', '.join(map(repr, get_args(hint)))}")
            return raw
        if hint is bool:
            return _to_bool(raw)
        if hint is Path:
            return Path(str(raw)).expanduser()
        if hint in (int, float):
            if isinstance(raw, bool):
                raise ValueError("must be a number")
            return hint(str(raw))
        if get_origin(hint) is tuple:
            parts = (
                [p.strip() for p in raw.split(",")] if isinstance(raw, str) else list(typing.cast("list[object]", raw))
            )
            return tuple(str(p) for p in parts if p != "")
        if not isinstance(raw, str):
            raise ValueError("must be text")
        return raw
    except (ValueError, TypeError) as e:
        raise ConfigurationError(
            f"setting {name} = {raw!r} (from {origin}) is wrong: {e}", hint="`kaname settings` describes it."
        ) from e


def _to_bool(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError("must be true or false")
