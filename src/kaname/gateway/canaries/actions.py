"""What people do with canaries: see where they stand, take a step before its time, roll back, begin again."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from kaname.access.model import Principal
from kaname.gateway.canaries.look import sizes
from kaname.gateway.canaries.model import Canary, ChangeAction, Standing, canaries_of
from kaname.gateway.canaries.observations import Evidence
from kaname.gateway.canaries.store import CanaryStore, Change, PastChange
from kaname.gateway.config import GatewayConfig
from kaname.gateway.routing.canary import CanaryState
from kaname.kernel.errors import ConflictError, NotFoundError
from kaname.kernel.paging import DEFAULT_LIMIT, Page

_ATTEMPTS = 5
"""A guard may move a canary while a person does."""


class ShownCanary(NamedTuple):
    """A canary with all that is known of it. `standing` None: no process has begun it yet."""

    canary: Canary
    standing: Standing | None
    evidence: Evidence | None
    sizes: Sequence[int]
    """Observations that each guard can compare now."""


class CanaryActions:
    """The canaries of the configuration in force. Thread-safe."""

    def __init__(self, store: CanaryStore, config: Callable[[], GatewayConfig]) -> None:
        self._store = store
        self._config = config

    def list(self) -> list[ShownCanary]:
        """All of them, in the configuration's order."""
        canaries = list(canaries_of(self._config()))
        standings = self._store.standings([canary.id for canary in canaries]) if canaries else {}
        return [self._show(canary, standings.get(canary.id)) for canary in canaries]

    def get(self, canary_id: str) -> ShownCanary:
        """One; raises NotFoundError."""
        canary = self._find(canary_id)
        return self._show(canary, self._store.standings([canary.id]).get(canary.id))

    def changes(self, canary_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[PastChange]:
        """A canary's history, newest first; raises NotFoundError."""
        return self._store.changes(self._find(canary_id).id, cursor=cursor, limit=limit)

    def promote(self, principal: Principal, canary_id: str, *, fully: bool = False, message: str = "") -> ShownCanary:
        """The next step now, or `fully` the end; raises ConflictError for a canary that is over."""

        def next_state(canary: Canary, state: CanaryState) -> CanaryState:
            if state.phase != "running":
                raise _over(canary, state)
            if fully or state.step + 1 == len(canary.plan.settings.steps):
                return CanaryState(step=state.step, phase="finished")
            return CanaryState(step=state.step + 1)

        return self._move(principal, canary_id, "promote", next_state, message)

    def roll_back(self, principal: Principal, canary_id: str, *, message: str = "") -> ShownCanary:
        """Takes all calls from the new arm, a finished one too; raises ConflictError if it has none."""

        def next_state(canary: Canary, state: CanaryState) -> CanaryState:
            if state.phase == "rolled_back":
                raise _over(canary, state)
            return CanaryState(step=state.step, phase="rolled_back")

        return self._move(principal, canary_id, "rollback", next_state, message)

    def restart(self, principal: Principal, canary_id: str, *, message: str = "") -> ShownCanary:
        """Begins again at the first step, from wherever it is."""
        return self._move(principal, canary_id, "restart", lambda _canary, _state: CanaryState(), message)

    def _move(
        self,
        principal: Principal,
        canary_id: str,
        action: ChangeAction,
        next_state: Callable[[Canary, CanaryState], CanaryState],
        message: str,
    ) -> ShownCanary:
        canary = self._find(canary_id)
        for _ in range(_ATTEMPTS):
            standing = self._store.standings([canary.id]).get(canary.id)
            if standing is None:
                self._store.begin([canary])
                continue
            change = Change(action, next_state(canary, standing.state), (), principal, message)
            if (moved := self._store.change(canary, standing, change)) is not None:
                return self._show(canary, moved)
        raise ConflictError(
            f"canary {canary.name!r} was being changed by others", hint="Try again.", code="gateway_canary_busy",
            params={"name": canary.name},
        )  # fmt: skip

    def _find(self, canary_id: str) -> Canary:
        found = next((canary for canary in canaries_of(self._config()) if canary.id == canary_id), None)
        if found is None:
            raise NotFoundError(
                f"the configuration has no canary {canary_id[:64]!r}", hint="List the canaries.",
                code="gateway_canary_not_found", params={"id": canary_id[:64]},
            )  # fmt: skip
        return found

    def _show(self, canary: Canary, standing: Standing | None) -> ShownCanary:
        guards = canary.plan.settings.guards
        if standing is None or standing.state.phase != "running":
            return ShownCanary(canary, standing, None, [0] * len(guards))
        evidence = self._store.evidence(canary, standing)
        return ShownCanary(canary, standing, evidence, sizes(guards, evidence))


def _over(canary: Canary, state: CanaryState) -> ConflictError:
    words = {"rolled_back": "rolled back", "finished": "finished"}[state.phase]
    return ConflictError(
        f"canary {canary.name!r} is {words}", hint="Restart it to begin again at the first step.",
        code="gateway_canary_over", params={"name": canary.name},
    )  # fmt: skip
