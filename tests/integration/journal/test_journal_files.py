"""The log on a real disk: durability, repair, bounds, and a reader that sees everything once."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kaname.kernel.errors import ConfigurationError, DiskFullError, JournalFullError, UnavailableError
from kaname.storage.journal import Journal, JournalReader, JournalSettings, inspect_journal
from kaname.storage.journal.segments import list_segments, segment_path

SMALL = {"min_free_bytes": 0, "retain_s": 0.0}


def open_journal(directory: Path, **overrides) -> Journal:
    journal = Journal(directory, JournalSettings(**{**SMALL, **overrides}))
    journal.open()
    return journal


def append_all(journal: Journal, payloads: list[bytes]) -> None:
    async def go() -> None:
        await asyncio.gather(*(journal.append("score", "prj_1", p) for p in payloads))

    asyncio.run(go())


def read_all(directory: Path, wait_s: float = 0.3) -> list[bytes]:
    reader = JournalReader(directory)
    try:
        out: list[bytes] = []
        while batch := reader.read_batch(1 << 20, wait_s):
            out += [e.payload for e in batch]
            reader.commit(batch[-1].position)
        return out
    finally:
        reader.close()


def test_group_commit_shares_fsyncs_and_the_reader_sees_everything_once(tmp_path):
    journal = open_journal(tmp_path)
    payloads = [b"%d" % i * (i % 50) for i in range(500)]
    append_all(journal, payloads)
    stats = journal.stats()
    assert stats.appended_entries == 500
    assert stats.fsyncs < 250
    assert sorted(read_all(tmp_path)) == sorted(payloads)
    assert read_all(tmp_path, 0.0) == []
    journal.close()


def test_entries_survive_reopening_and_numbers_are_never_given_twice(tmp_path):
    seen: list[int] = []
    for i in range(3):
        journal = open_journal(tmp_path)
        append_all(journal, [b"a%d" % i, b"b%d" % i])
        journal.close()
    reader = JournalReader(tmp_path)
    entries = reader.read_batch(1 << 20, 0.2)
    seen = [e.position.sequence for e in entries]
    assert [e.payload for e in entries] == [b"a0", b"b0", b"a1", b"b1", b"a2", b"b2"]
    assert seen == sorted(set(seen))
    reader.close()


def test_the_consumed_number_counts_even_if_its_bytes_were_lost(tmp_path):
    """A power cut may take unsynced bytes that the consumer saw: the next entry must not hide behind its checkpoint."""
    journal = open_journal(tmp_path)
    append_all(journal, [b"x"] * 5)
    assert len(read_all(tmp_path)) == 5
    journal.close()
    for first in list_segments(tmp_path):
        segment_path(tmp_path, first).write_bytes(b"")
    journal = open_journal(tmp_path)
    append_all(journal, [b"after"])
    assert read_all(tmp_path) == [b"after"]
    journal.close()


@pytest.mark.parametrize("tail", [b"\xabKNJ", b"\xabKNJ\x40\0\0\0" + b"\0" * 30, b"\0" * 4096, b"rubbish" * 40])
def test_a_torn_tail_is_cut_and_kept_aside(tmp_path, tail):
    journal = open_journal(tmp_path)
    append_all(journal, [b"one", b"two"])
    journal.close()
    path = segment_path(tmp_path, list_segments(tmp_path)[-1])
    size = path.stat().st_size
    with path.open("ab") as f:
        f.write(tail)
    journal = open_journal(tmp_path)
    assert path.stat().st_size == size
    assert (tmp_path / "quarantine" / f"{path.name}.tail").read_bytes() == tail
    append_all(journal, [b"three"])
    assert read_all(tmp_path) == [b"one", b"two", b"three"]
    journal.close()


def test_damage_in_the_middle_costs_only_the_entry_it_hits(tmp_path):
    journal = open_journal(tmp_path)
    append_all(journal, [b"one" * 50, b"two" * 50, b"three" * 50])
    journal.close()
    path = segment_path(tmp_path, list_segments(tmp_path)[0])
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"twotwo") + 20] ^= 0xFF
    path.write_bytes(raw)
    journal = open_journal(tmp_path)
    append_all(journal, [b"four"])
    found = inspect_journal(tmp_path)
    assert found.damaged_segments == (path.name,)
    assert found.unconsumed_entries == 3
    assert read_all(tmp_path) == [b"one" * 50, b"three" * 50, b"four"]
    after = inspect_journal(tmp_path)
    assert after.checkpoint.corrupt_regions == 1
    assert after.quarantined == (path.name,)
    assert (tmp_path / "quarantine" / path.name).read_bytes() == bytes(raw)
    journal.close()


def test_the_bound_refuses_and_consuming_frees(tmp_path):
    journal = open_journal(tmp_path, max_bytes=20_000, segment_bytes=4_000)
    with pytest.raises(JournalFullError) as caught:
        append_all(journal, [b"x" * 1000] * 40)
    assert caught.value.retry_after_s
    assert journal.stats().failing == "full"
    held = len(read_all(tmp_path))
    assert 15 <= held <= 20
    deadline = time.monotonic() + 20
    while journal.stats().bytes > 8_000 and time.monotonic() < deadline:
        time.sleep(0.05)
    append_all(journal, [b"y"])
    assert read_all(tmp_path) == [b"y"]
    journal.close()


def test_a_full_disk_refuses_cleanly_and_writing_resumes(tmp_path):
    """RLIMIT_FSIZE makes the kernel refuse in the middle of a write, as a full device does."""
    script = f"""
import asyncio, resource, signal, sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from kaname.kernel.errors import DiskFullError
from kaname.storage.journal import Journal, JournalSettings
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Path({str(tmp_path)!r}), JournalSettings(min_free_bytes=0, retain_s=0))
journal.open()
async def go():
    await journal.append("score", "p", b"first" * 100)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    failed = 0
    for item in (b"lost" * 10_000, b"lost" * 10_000):
        try:
            await journal.append("score", "p", item)
        except DiskFullError as e:
            assert e.retry_after_s
            failed += 1
    assert failed == 2, failed
    await journal.append("score", "p", b"small")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await journal.append("score", "p", b"last" * 10_000)
asyncio.run(go())
journal.close()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert read_all(tmp_path) == [b"first" * 100, b"small", b"last" * 10_000]
    assert inspect_journal(tmp_path).checkpoint.corrupt_regions == 0


def test_too_little_free_space_is_refused_before_writing(tmp_path):
    journal = open_journal(tmp_path, min_free_bytes=1 << 60)
    with pytest.raises(DiskFullError, match="bytes are free"):
        append_all(journal, [b"x"])
    journal.close()


def test_one_writer_and_one_consumer(tmp_path):
    journal = open_journal(tmp_path)
    with pytest.raises(ConfigurationError, match=str(os.getpid())):
        open_journal(tmp_path)
    reader = JournalReader(tmp_path)
    with pytest.raises(ConfigurationError, match="consumer"):
        JournalReader(tmp_path)
    reader.close()
    journal.close()
    with pytest.raises(UnavailableError):
        append_all(journal, [b"x"])


def test_the_gateway_lane_is_bounded_counted_and_flushed(tmp_path):
    journal = open_journal(tmp_path, soon_max_bytes=5_000, soon_interval_s=0.05)
    kept = sum(journal.append_soon("gateway", "prj_1", b"r" * 1000) for _ in range(20))
    assert 4 <= kept < 20
    assert journal.stats().dropped_soon == 20 - kept
    assert len(read_all(tmp_path, 2.0)) == kept
    journal.append_soon("gateway", "prj_1", b"at close")
    journal.close()
    assert read_all(tmp_path) == [b"at close"]


def test_a_reader_is_woken_and_goes_on_through_rotations(tmp_path):
    journal = open_journal(tmp_path, segment_bytes=3_000)
    reader = JournalReader(tmp_path, wake_fd=journal.wake_fd)
    payloads = [b"%04d" % i * 100 for i in range(60)]
    thread = threading.Thread(target=lambda: [append_all(journal, [p]) for p in payloads])
    thread.start()
    got: list[bytes] = []
    deadline = time.monotonic() + 30
    while len(got) < len(payloads) and time.monotonic() < deadline:
        batch = reader.read_batch(2_000, 1.0)
        got += [e.payload for e in batch]
        if batch:
            reader.commit(batch[-1].position)
    thread.join()
    assert got == payloads
    reader.close()
    journal.close()
    assert len(list_segments(tmp_path)) < 20


def test_rewind_reads_uncommitted_entries_again(tmp_path):
    journal = open_journal(tmp_path, segment_bytes=1_000)
    append_all(journal, [b"%d" % i * 300 for i in range(8)])
    reader = JournalReader(tmp_path)
    first = reader.read_batch(700, 0.2)
    reader.commit(first[0].position)
    rest = reader.read_batch(1 << 20, 0.2)
    reader.rewind()
    again = reader.read_batch(1 << 20, 0.2)
    assert [e.payload for e in again] == [e.payload for e in (first + rest)[1:]]
    reader.close()
    journal.close()


WRITER = """
import asyncio, sys
sys.path[:0] = {path!r}
from pathlib import Path
from kaname.storage.journal import Journal, JournalSettings
journal = Journal(Path(sys.argv[1]), JournalSettings(min_free_bytes=0, segment_bytes=20_000))
journal.open()
async def one(i):
    await journal.append("score", "p", b"%d," % i + b"z" * (i * 37 % 900))
    sys.stdout.write("%d\\n" % i)
    sys.stdout.flush()
async def go():
    start = int(sys.argv[2])
    for i in range(start, start + 100_000, 5):
        await asyncio.gather(*(one(j) for j in range(i, i + 5)))
asyncio.run(go())
"""


def test_kill_9_of_the_writer_loses_nothing_acknowledged(tmp_path):
    acked: set[int] = set()
    for round_ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER.format(path=sys.path), str(tmp_path), str(round_ * 1_000_000)],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        for i, line in enumerate(process.stdout):
            acked.add(int(line))
            if i == 80 + 37 * round_:
                process.send_signal(signal.SIGKILL)
                break
        acked |= {int(line) for line in process.stdout if line.endswith(b"\n")}
        process.wait()
        process.stdout.close()
    open_journal(tmp_path).close()
    got = [int(p.split(b",")[0]) for p in read_all(tmp_path)]
    assert len(got) == len(set(got))
    assert acked <= set(got)


def test_the_soft_limit_of_this_process_is_untouched():
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_the_gateway_lane_stops_at_the_logs_own_bound_and_goes_on_after_consuming(tmp_path):
    journal = open_journal(tmp_path, max_bytes=6_000, segment_bytes=2_000, soon_interval_s=0.01, retain_s=0.0)
    kept = 0
    for _ in range(20):
        kept += journal.append_soon("gateway", "prj_1", b"r" * 1000)
        time.sleep(0.03)
    assert 3 <= kept < 20
    assert journal.stats().failing == "full"
    assert journal.stats().dropped_soon == 20 - kept
    reader = JournalReader(tmp_path)
    entries = reader.read_batch(1 << 20, 1.0)
    assert len(entries) == kept
    reader.commit(entries[-1].position)
    deadline = time.monotonic() + 20
    while not journal.append_soon("gateway", "prj_1", b"again"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    reader.close()
    journal.close()
