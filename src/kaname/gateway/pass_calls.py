"""How a native call meets a provider: which target and limits it has, and how its answer opens.

Everything else about it is as with all calls. Nothing is repeated but with another of the provider's keys, when one is
refused: the gateway doesn't know which native calls may be.
"""

import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from kaname.gateway.admission import Admission
from kaname.gateway.config import LOCAL, GatewayConfig, Provider
from kaname.gateway.decode import DecodedRequest
from kaname.gateway.exchange import Exchange
from kaname.gateway.failure import failure_of_status
from kaname.gateway.limits.reservation import Reservation
from kaname.gateway.opaque import KeptEnds, OpaqueAnswer, is_json, safe_type
from kaname.gateway.openai_errors import model_not_allowed
from kaname.gateway.passing import Passed, answer_headers, named_model, refusal, request_head, upstream_path
from kaname.gateway.plan import Choice, Plan, Planner
from kaname.gateway.planned_target import PlannedTarget
from kaname.gateway.pool import Origin
from kaname.gateway.routing.retry_after import parse_retry_after
from kaname.gateway.settings import GatewaySettings
from kaname.gateway.upstream_response import UpstreamResponse
from kaname.kernel.errors import InvalidInputError, NotFoundError, PermissionDeniedError, QuotaExceededError

_VERSIONS: Final = frozenset({b"anthropic-version", b"anthropic-beta"})
"""`pipeline.py` adds them for Anthropic, with a default."""
_NONE: Final[frozenset[bytes]] = frozenset()


class AdmittedPass(NamedTuple):
    """A native call that may begin."""

    request: DecodedRequest
    plan: Plan
    choice: Choice
    reservation: Reservation


def admit_passed(
    exchange: Exchange, passed: Passed, config: GatewayConfig, planner: Planner, admission: Admission
) -> AdmittedPass:
    """Lets a native call in under its key's limits; raises KanameError. The reservation is on the exchange."""
    record = exchange.record
    provider = config.providers.get(passed.provider)
    if provider is None or provider.name == LOCAL:
        raise NotFoundError(
            f"no provider {passed.provider[:80]!r} can be called natively",
            hint="Providers of gateway.yaml can; models of this installation are under /v1/.",
            code="provider_not_found",
        )  # fmt: skip
    if provider.type == "anthropic":
        exchange.errors = "anthropic"
    _refuse_unsupported(passed, provider, config)
    content_type = exchange.headers.get(b"content-type", b"")
    model, document = named_model(passed, exchange.body, content_type)
    record.requested_model = f"{provider.name}/{model}"
    record.stream = document.get("stream") is True
    request = DecodedRequest(exchange.body, document, model, stream=False, wants_usage=False, canonical=False)
    plan = planner.plan_pass(config, provider.name, model)
    choice = exchange.choice = plan.only
    assert choice is not None
    exchange.traffic = plan.traffic
    admission.limits.use_defaults(config.key_defaults)
    target = choice.primary[0]
    reservation = exchange.reservation = admission.admit(
        record, exchange.organization_id, document, exchange.body, target, exchange.source, exchange.headers
    )
    if reservation.downgrade_to:
        raise QuotaExceededError("the budget for this model is used up", hint="A native call can't be downgraded.")
    if not admission.limits.allows_target(reservation, provider.name, model):
        raise model_not_allowed(record.requested_model)
    return AdmittedPass(request, plan, choice, reservation)


async def open_passed(response: UpstreamResponse, settings: GatewaySettings, exchange: Exchange) -> OpaqueAnswer:
    """The answer from its first bytes on; raises AttemptFailedError for a status that isn't a success."""
    status, headers = response.status, response.headers
    if not 200 <= status < 300:
        body = await response.read_all(settings.max_response_bytes)
        reply = refusal(status, headers, body, exchange.errors)
        raise failure_of_status(status, reply, parse_retry_after(headers, time.time()))
    content_type = safe_type(headers.get(b"content-type", b""))
    return OpaqueAnswer(
        first=await response.next_chunk(), content_type=content_type, headers=answer_headers(headers), status=status,
        kept=KeptEnds(max(settings.record_body_bytes, KeptEnds.DEFAULT_LIMIT)),
    )  # fmt: skip


def record_passed(exchange: Exchange, opened: OpaqueAnswer, limit: int) -> None:
    """Keeps the text of an answer; other bytes aren't recorded."""
    record = exchange.record
    if opened.is_events:
        record.response_format = "sse"
    elif is_json(opened.content_type):
        record.response_format = "json"
    else:
        return
    record.response = bytes(opened.kept.beginning[:limit])


def _refuse_unsupported(passed: Passed, provider: Provider, config: GatewayConfig) -> None:
    if config.guards is not None:
        raise PermissionDeniedError(
            "native calls aren't served while guardrails hold for all models: their bodies can't be checked",
            hint="Call /v1/ instead.", code="pass_through_guarded",
        )  # fmt: skip
    if provider.type == "bedrock" and (passed.method != "POST" or passed.query):
        raise InvalidInputError(
            "only POST without a query is signed for Bedrock", hint="Call a model.", param="path"
        )  # fmt: skip


def head_passed(
    passed: Passed, target: PlannedTarget, secret: str, headers: Mapping[bytes, bytes]
) -> tuple[Origin, bytes, str]:
    """Where to connect, the request head without `content-length`, and the path under the base URL, for signers."""
    provider = target.provider
    url = provider.base_url
    assert url is not None
    lines = target.adapter.headers(secret, provider.options)
    skip = _VERSIONS if provider.type == "anthropic" else _NONE
    path = upstream_path(passed, url).removeprefix(url.path)
    return url.origin, request_head(passed, url, headers, lines, skip=skip), path
