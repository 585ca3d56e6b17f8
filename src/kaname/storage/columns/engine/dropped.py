"""Removes what dropped tables left on disk. A ClickHouse server does that in a background task; chDB has none.

Runs before the store is opened, when nothing can be using the files. A table's directory goes only if its entry in
`metadata_dropped` names it and no live table's definition does.
"""

import logging
import re
import shutil
from pathlib import Path

logger = logging.getLogger(__name__)

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def remove_dropped_tables(store: Path) -> int:
    """Deletes the data of dropped tables; returns how many there were."""
    entries = [p for p in (store / "metadata_dropped").glob("*.sql") if _UUID.search(p.name)]
    if not entries:
        return 0
    living = _living_tables(store)
    for entry in entries:
        uuid = _UUID.findall(entry.name)[-1]
        if uuid in living:
            logger.warning("table %s is both dropped and defined; its data stays", uuid)
            continue
        shutil.rmtree(store / "store" / uuid[:3] / uuid, ignore_errors=True)
        entry.unlink(missing_ok=True)
    return len(entries)


def _living_tables(store: Path) -> set[str]:
    """Every UUID in the definition of a database or table that exists."""
    found: set[str] = set()
    for definition in (*(store / "metadata").rglob("*.sql"), *(store / "store").glob("*/*/*.sql")):
        found.update(_UUID.findall(definition.read_text(encoding="utf-8", errors="replace")))
    return found
