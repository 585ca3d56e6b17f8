"""Claude on Vertex AI: Messages, with the model in the path and the version in the body."""

from typing import Final

from kaname.gateway.dialects.anthropic.codec import MessagesCodec
from kaname.gateway.dialects.model import Document, Encoded

_VERSION: Final = "vertex-2023-10-16"


class VertexMessagesCodec(MessagesCodec):
    """See `ProviderCodec`."""

    def encode_request(self, chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
        """See `ProviderCodec`."""
        encoded = super().encode_request(chat, model, stream=stream, strict=strict)
        document = {key: value for key, value in encoded.document.items() if key != "model"}
        return Encoded({"anthropic_version": _VERSION, **document}, encoded.warnings)
