"""A request in the words of a target that doesn't speak the client's format. The way back is in `opening.py`."""

from kaname.gateway.decode import DecodedRequest, encode_document
from kaname.gateway.planned_target import PlannedTarget
from kaname.gateway.wire import Wire


def translate(request: DecodedRequest, target: PlannedTarget, wire: Wire) -> tuple[bytes, list[str]]:
    """The request in the target's words, and what was lost."""
    document, warnings = request.document, list[str]()
    if wire.surface_codec is not None:
        document, warnings = wire.surface_codec.decode_request(document)
    if target.target.overrides:
        document = {**document, **target.target.overrides}
    assert wire.provider_codec is not None
    document, lost = wire.provider_codec.encode_request(
        document, target.target.model, stream=request.stream, strict=request.strict
    )
    if not target.provider.stream_usage and "stream_options" in document:
        document = {key: value for key, value in document.items() if key != "stream_options"}
    return encode_document(document), [*warnings, *lost]
