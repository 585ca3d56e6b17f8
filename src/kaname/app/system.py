"""The state of this installation: for `/readyz`, the status page and `kaname status`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

import kaname
from kaname.app.data_dir import DataDir
from kaname.app.health_pages import Readiness
from kaname.app.storage import Storage
from kaname.gateway.limits.process import ProcessLimits
from kaname.gateway.server import GatewayApp
from kaname.kernel.child import ChildProcess
from kaname.serving.service import LocalModelService

ComponentState = Literal["stopped", "starting", "ready", "restarting", "failed", "external"]
SLOW_LAG_S = 60.0
_NEEDED = ("gateway", "engine", "worker")
"""Without these a server is better left alone. The others degrade it: writes may be refused, calls go on."""


class ProcessView(BaseModel):
    """One process of ours."""

    name: str
    state: ComponentState
    pid: int | None
    restarts: int
    memory_bytes: int | None


class JournalView(BaseModel):
    """The write-ahead log and its consumer."""

    bytes: int
    unconsumed_entries: int
    lag_s: float
    dropped_gateway_records: int
    failing: str


class SystemStatusView(BaseModel):
    """What an operator wants to see first."""

    version: str
    sql_engine: str
    columns_engine: Literal["embedded", "clickhouse"]
    processes: list[ProcessView]
    journal: JournalView
    gateway_config_problem: str
    disk_free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemStatus:
    """Reads the state of everything from memory and /proc; no queries."""

    storage: Storage
    worker: ChildProcess
    models: LocalModelService
    gateway: GatewayApp
    limits: ProcessLimits
    data_dir: DataDir

    def readiness(self) -> Readiness:
        """A lagging worker, a full log and a wrong file are told, and what can be served is."""
        engine = self.storage.engine
        limits = self.limits.flusher.is_failing
        checks = {
            "gateway": "draining" if self.gateway.is_draining else "ok",
            "journal": self.storage.journal.stats().failing or "ok",
            "engine": "ok" if engine is None or engine.state == "ready" else engine.state,
            "worker": "ok" if self.worker.state == "ready" else self.worker.state,
            "gateway_config": self.gateway.config.problem or "ok",
            "limits": "can't be stored" if limits else "ok",
        }
        return Readiness(checks, all(checks[name] == "ok" for name in _NEEDED))

    def view(self) -> SystemStatusView:
        """The whole state."""
        engine, stats = self.storage.engine, self.storage.journal.stats()
        processes = [_server_view(), _child_view("worker", self.worker)]
        if engine is not None:
            processes.append(
                ProcessView(
                    name="engine",
                    state=engine.state,
                    pid=engine.pid,
                    restarts=engine.restarts,
                    memory_bytes=_resident_bytes(engine.pid),
                )
            )
        processes.extend(
            ProcessView(
                name=f"model {m.name}",
                state="ready",
                pid=m.pid,
                restarts=m.restarts,
                memory_bytes=_resident_bytes(m.pid),
            )
            for m in self.models.statuses()
            if m.pid is not None
        )
        return SystemStatusView(
            version=kaname.__version__,
            sql_engine=self.storage.database.engine_name,
            columns_engine="clickhouse" if engine is None else "embedded",
            processes=processes,
            journal=JournalView(
                bytes=stats.bytes,
                unconsumed_entries=stats.unconsumed_entries,
                lag_s=round(stats.oldest_unconsumed_age_s, 3),
                dropped_gateway_records=stats.dropped_soon,
                failing=stats.failing,
            ),
            gateway_config_problem=self.gateway.config.problem,
            disk_free_bytes=self.data_dir.free_bytes(),
        )


def build_system_router(status: SystemStatus) -> APIRouter:
    """`GET /api/v1/system/status`."""
    router = APIRouter(tags=["system"])

    @router.get("/api/v1/system/status", operation_id="get_system_status")
    def get_system_status() -> SystemStatusView:
        """State, memory and lag of every process of this installation."""
        return status.view()

    _ = get_system_status
    return router


def _server_view() -> ProcessView:
    pid = os.getpid()
    return ProcessView(name="server", state="ready", pid=pid, restarts=0, memory_bytes=_resident_bytes(pid))


def _child_view(name: str, child: ChildProcess) -> ProcessView:
    return ProcessView(
        name=name,
        state=child.state,
        pid=child.pid,
        restarts=child.restarts,
        memory_bytes=_resident_bytes(child.pid),
    )


def _resident_bytes(pid: int | None) -> int | None:
    """Proportional set size: shared pages count once over all who share them. None where /proc doesn't tell."""
    if pid is None:
        return None
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return None
    line = next((s for s in text.splitlines() if s.startswith("Pss:")), "")
    return int(line.split()[1]) * 1024 if line else None
