"""What a scrape says of a process itself and of its journal. Reads memory and /proc; where there is none, less."""

import resource
import sys
import time
from pathlib import Path

import kaname
from kaname.kernel.exposition import Exposition
from kaname.storage.journal.model import JournalStats

_PAGE = resource.getpagesize()
_STARTED = time.time()


def report_process(out: Exposition) -> None:
    """CPU, memory, descriptors, by the names that Prometheus' own libraries use."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    out.add("kaname_build_info", "gauge", "1, with the version.", 1, version=kaname.__version__)
    out.add("process_cpu_seconds_total", "counter", "CPU time used.", usage.ru_utime + usage.ru_stime)
    out.add("process_start_time_seconds", "gauge", "When the process began, since 1970.", round(_STARTED, 3))
    out.add("process_max_fds", "gauge", "Open files allowed.", resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    if sys.platform != "linux":
        return
    statm = Path("/proc/self/statm").read_text(encoding="ascii").split()
    out.add("process_virtual_memory_bytes", "gauge", "Address space.", int(statm[0]) * _PAGE)
    out.add("process_resident_memory_bytes", "gauge", "Resident memory.", int(statm[1]) * _PAGE)
    out.add("process_open_fds", "gauge", "Open files.", sum(1 for _ in Path("/proc/self/fd").iterdir()))


def report_journal(out: Exposition, stats: JournalStats) -> None:
    """The write-ahead log as its writer sees it."""
    out.add("kaname_journal_bytes", "gauge", "Size of the log on disk.", stats.bytes)
    out.add("kaname_journal_unconsumed_entries", "gauge", "Entries that aren't stored yet.", stats.unconsumed_entries)
    out.add("kaname_journal_lag_seconds", "gauge", "Age of the oldest of them.", stats.oldest_unconsumed_age_s)
    out.add("kaname_journal_pending_bytes", "gauge", "Entries in memory that wait for the disk.", stats.pending_bytes)
    out.add("kaname_journal_entries_total", "counter", "Entries written.", stats.appended_entries)
    out.add("kaname_journal_fsyncs_total", "counter", "Times that the disk was waited for.", stats.fsyncs)
    out.add(
        "kaname_journal_dropped_entries_total", "counter", "Entries of gateway records that found no room.",
        stats.dropped_soon,
    )  # fmt: skip
    out.add("kaname_journal_failing", "gauge", "1 while entries can't be written.", bool(stats.failing))
