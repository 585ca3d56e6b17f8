"""Finished calls into the write-ahead log, without waiting for the disk.

The documented exception to "durable before acknowledged": a kill -9 may lose the records of the last 250 ms, which are
`GATHER_S` here and `journal.soon_interval_s` there. Records of a project are gathered into one entry, because under
load the frame, the checksum call and the wake-up of an entry cost more than the record itself.
"""

import asyncio
import logging

from kaname.gateway.model import GatewayRecord, encode_records
from kaname.storage.journal import Journal

GATHER_S = 0.025
MAX_RECORDS = 64
MAX_BYTES = 256 * 1024

logger = logging.getLogger(__name__)


class JournalSink:
    """A `RecordSink`. Records that find the journal's buffer full are dropped and counted."""

    def __init__(self, journal: Journal) -> None:
        self.dropped = 0
        self._journal = journal
        self._gathered: dict[str, list[GatewayRecord]] = {}
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def put(self, record: GatewayRecord) -> None:
        """Stores a record within 250 ms."""
        gathered = self._gathered.get(record.project_id)
        if gathered is None:
            gathered = self._gathered[record.project_id] = []
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(GATHER_S, self.flush)
        gathered.append(record)
        self._bytes += len(record.request) + len(record.response)
        if len(gathered) >= MAX_RECORDS or self._bytes >= MAX_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hands everything gathered to the journal."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        gathered, self._gathered, self._bytes = self._gathered, {}, 0
        for project_id, records in gathered.items():
            if not self._journal.append_soon("gateway", project_id, encode_records(records)):
                self.dropped += len(records)
                logger.warning("the journal is full: %d gateway records dropped so far", self.dropped)
