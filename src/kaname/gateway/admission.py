"""Lets a call in under its key's limits, and settles what it used: the glue between the pipeline and `limits`.

Prices and experience of output lengths are in memory. A call that failed or was cut is settled by what was sent.
"""

import time
from collections.abc import Mapping

from kaname.gateway.attempts import Allowed
from kaname.gateway.cache.model import is_hit
from kaname.gateway.client_address import Believe, client_address, peer_only
from kaname.gateway.limits.costs import Used, read_usage
from kaname.gateway.limits.estimate import OutputEwma, estimate_input_tokens, requested_output_tokens
from kaname.gateway.limits.model import Estimate, Subject
from kaname.gateway.limits.reservation import Reservation
from kaname.gateway.limits.service import LimitService
from kaname.gateway.model import GatewayRecord, telemetry_provider
from kaname.gateway.planned_target import PlannedTarget
from kaname.gateway.ports import Caller
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.sent_text import estimate_usage

_NO_HEADERS: Mapping[bytes, bytes] = {}
_BROKEN = ("incomplete", "cancelled")
_MAY_BE_ESTIMATED = ("ok", *_BROKEN)


class Admission:
    """Reserves before a call and settles after it. Belongs to one event loop."""

    def __init__(self, limits: LimitService, prices: PriceBook, believe: Believe = peer_only) -> None:
        self._believe = believe
        self.limits = limits
        self.prices = prices
        self._outputs = OutputEwma()

    def admit(
        self,
        record: GatewayRecord,
        organization_id: str,
        document: dict[str, object],
        body: bytes,
        target: PlannedTarget,
        source: object = None,
        headers: Mapping[bytes, bytes] = _NO_HEADERS,
    ) -> Reservation:
        """Reserves for a call whose first target is known; raises what `LimitService.reserve` raises.

        `source` and `headers` tell where it came from; without a source it is the gateway's own.
        """
        service, model = self.limits, record.requested_model
        limits = service.known(record.key_id)
        if limits is not None and limits.is_free:
            return Reservation(limits, (), (), 0, None, 0.0)
        output = requested_output_tokens(document) or self._outputs.expect(model)
        tokens = (estimate_input_tokens(body), output)
        cost = self._estimate(record.project_id, target, tokens)
        if limits is not None and limits.is_static:
            reservation = service.try_reserve(limits, tokens[0] + output, cost)
            if reservation is not None:
                return reservation
        subject = Subject(record.key_id, record.project_id, organization_id, record.user_id, record.metadata, model)
        if source is not None and service.limits_of(subject).networks:
            service.check_address(subject, client_address(self._believe, source, headers))
        return service.reserve(subject, Estimate(tokens[0], output, cost))

    def check_address(self, caller: Caller, source: object, headers: Mapping[bytes, bytes]) -> None:
        """The same check for what isn't a call; raises PermissionDeniedError."""
        subject = Subject(caller.id, caller.project_id or "", caller.organization_id or "")
        if self.limits.limits_of(subject).networks:
            self.limits.check_address(subject, client_address(self._believe, source, headers))

    def estimate_cost(
        self, record: GatewayRecord, document: dict[str, object], body: bytes, target: PlannedTarget
    ) -> int | None:
        """What a call will probably cost at its first target; None: the price is unknown."""
        output = requested_output_tokens(document) or self._outputs.expect(record.requested_model)
        return self._estimate(record.project_id, target, (estimate_input_tokens(body), output))

    def filter_targets(self, reservation: Reservation) -> Allowed | None:
        """Which targets may serve the call; None for all."""
        if not reservation.limits.picks_targets:
            return None
        return lambda target: self.limits.allows_target(reservation, target.provider.name, target.target.model)

    def settle(self, record: GatewayRecord, reservation: Reservation) -> Used | None:
        """Charges what was used, and returns it. Exactly once for each reservation; the record gets the cost."""
        if is_hit(record):
            record.cost_nano_usd = 0
            self.limits.settle(reservation, tokens=0, cost_nano_usd=0, outcome=record.outcome)
            return None
        outcome, used = record.outcome, read_usage(record.usage)
        if outcome in _BROKEN or used is None or not used.tokens:
            used = self._estimated(record, used)
        tokens = cost = None
        if used is not None:
            tokens = used.input_tokens + used.output_tokens
            provider, model = telemetry_provider(record.provider_type, record.provider), record.target_model
            buckets = used.buckets
            cost = (
                self.prices.nano_usd(provider, model, buckets, record.start_ns, project_id=record.project_id)
                if buckets
                else 0
            )
            record.cost_nano_usd = cost
            if outcome == "ok" and record.requested_model:
                self._outputs.learn(record.requested_model, used.output_tokens)
        self.limits.settle(reservation, tokens=tokens, cost_nano_usd=cost, outcome=outcome)
        return used

    def price_of(self, target: PlannedTarget) -> float | None:
        """A target's price for an ordinary call, for choosing the cheapest."""
        return self._estimate("", target, (1000, 500))

    def _estimate(self, project_id: str, target: PlannedTarget, tokens: tuple[int, int]) -> int | None:
        usage = {"input_uncached": tokens[0], "output_text": tokens[1]} if tokens[1] else {"input_uncached": tokens[0]}
        return self.prices.nano_usd(
            target.price_provider, target.target.model, usage, time.time_ns(), project_id=project_id
        )

    def _estimated(self, record: GatewayRecord, used: Used | None) -> Used | None:
        """What was used, where the upstream didn't say, or said it too early."""
        if record.response_bytes and record.outcome in _MAY_BE_ESTIMATED:
            estimate_usage(record, used)
            used = read_usage(record.usage)
        return used
