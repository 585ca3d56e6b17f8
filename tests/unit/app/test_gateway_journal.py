"""Journals of gateway processes: each takes the first that is free, and what waits in them is known."""

import asyncio
from pathlib import Path

from kaname.app.gateway_journal import gateway_journals, oldest_age_s, open_gateway_journal
from kaname.storage.journal import JournalReader, JournalSettings

SETTINGS = JournalSettings(min_free_bytes=0, soon_interval_s=0.01)


def test_each_process_has_its_own_and_a_freed_one_is_taken_again(tmp_path: Path) -> None:
    first_name, first = open_gateway_journal(tmp_path, SETTINGS)
    second_name, second = open_gateway_journal(tmp_path, SETTINGS)
    assert (first_name, second_name) == ("gateway-1", "gateway-2")
    first.close()
    again_name, again = open_gateway_journal(tmp_path, SETTINGS)
    assert again_name == "gateway-1"
    second.close()
    again.close()
    assert [path.name for path in gateway_journals(tmp_path)] == ["gateway-1", "gateway-2"]


def test_the_oldest_entry_that_waits_is_known(tmp_path: Path) -> None:
    name, journal = open_gateway_journal(tmp_path, SETTINGS)
    assert oldest_age_s(tmp_path, 10**18) == 0.0

    async def append() -> None:
        await journal.append("gateway", "prj_1", b"x")

    asyncio.run(append())
    journal.close()
    reader = JournalReader(tmp_path / name)
    (entry,) = reader.read_batch(1000, 1.0)
    assert oldest_age_s(tmp_path, entry.received_ns + 5 * 10**9) == 5.0
    reader.commit(entry.position)
    reader.close()
    assert oldest_age_s(tmp_path, entry.received_ns + 5 * 10**9) == 0.0
