"""Where gateway processes keep their records: a journal each, beside the server's, in `journal/gateway-<n>`.

A journal has one writer. The number is the first that no living process holds, so a process that comes back goes on
with what a dead one left, and the folders don't grow in number. The worker of `kaname up` consumes them all.
"""

from pathlib import Path

from kaname.kernel.errors import ConfigurationError
from kaname.storage.journal import Journal, JournalSettings, inspect_journal

PREFIX = "gateway-"
MAX_JOURNALS = 256


def open_gateway_journal(folder: Path, settings: JournalSettings) -> tuple[str, Journal]:
    """The name and the journal, opened; raises ConfigurationError when there are too many processes."""
    for number in range(1, MAX_JOURNALS + 1):
        name = f"{PREFIX}{number}"
        journal = Journal(folder / name, settings)
        try:
            journal.open()
        except ConfigurationError:
            continue
        return name, journal
    raise ConfigurationError(
        f"{MAX_JOURNALS} gateway processes use {str(folder)!r}", hint="Stop some, or use another data folder."
    )


def gateway_journals(folder: Path) -> list[Path]:
    """The journals of all gateway processes, living or not, by name."""
    return sorted(path for path in folder.glob(f"{PREFIX}*") if path.is_dir())


def oldest_age_s(folder: Path, now_ns: int) -> float:
    """Age of the oldest entry that waits in any of them; 0 when none does. Reads what waits."""
    waiting = [inspect_journal(path).oldest_unconsumed_ns for path in gateway_journals(folder)]
    oldest_ns = min((ns for ns in waiting if ns), default=now_ns)
    return max(now_ns - oldest_ns, 0) / 1e9
