"""What the pipeline reads out of a call's request before it knows where the call goes."""

from kaname.gateway.decode import DecodedRequest, decode_form, decode_request
from kaname.gateway.exchange import Exchange
from kaname.gateway.form import is_form
from kaname.gateway.plan import Plan
from kaname.gateway.routing.model import RouteInput
from kaname.gateway.surfaces import FORMS
from kaname.kernel.errors import InvalidInputError


def read_request(exchange: Exchange) -> DecodedRequest:
    """The request; of a form the record gets a description, never the files."""
    surface, headers = exchange.record.surface, exchange.headers
    if surface not in FORMS or not is_form(content_type := headers.get(b"content-type", b"")):
        return decode_request(surface, exchange.body)
    request = decode_form(surface, exchange.body, content_type)
    exchange.body = request.body
    return request


def route_input(exchange: Exchange, request: DecodedRequest) -> RouteInput:
    record = exchange.record
    return RouteInput(
        request.model, record.surface, request.stream, record.key_name, record.key_id, record.project_id,
        record.session_id, record.user_id, record.tags, record.metadata, exchange.headers,
    )  # fmt: skip


def refuse_unsupported(request: DecodedRequest, plan: Plan) -> None:
    choice = request.document.get("tool_choice")
    if plan.route.tools is False and (choice == "required" or isinstance(choice, dict)):
        raise InvalidInputError(
            f"model {request.model!r} can't be made to call a tool", code="unsupported_parameter", param="tool_choice",
            hint="Use another model, or leave `tool_choice` out.",
        )  # fmt: skip
