"""Amazon Bedrock: chat by Converse, embeddings by InvokeModel.

A credential is `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, with `:SESSION_TOKEN` for one that doesn't last, and signs each
request (SigV4); or it is a Bedrock API key, which has no colon and is sent as it is.
Models are named by their id, inference profile or ARN.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.dialects.converse.codec import ConverseCodec
from kaname.gateway.dialects.embeddings.cohere import CohereEmbeddings
from kaname.gateway.dialects.embeddings.titan import TitanEmbeddings
from kaname.gateway.dialects.model import Document, ProviderCodec
from kaname.gateway.model import Surface
from kaname.gateway.providers.model import (
    HeaderLines,
    OutgoingRequest,
    SignerFactory,
    TokenFetch,
    Translation,
    bearer,
    path_segment,
    plain_key_problem,
)
from kaname.gateway.providers.said_error import SaidError, flat_error
from kaname.gateway.providers.sigv4 import AwsCredentials, SigningScope, sign

_MODEL_FAILED: Final = 424
_KEY: Final = re.compile(r"[A-Z0-9]{16,128}:[^:]+(?::[^:]+)?")


def _chat_path(model: str, options: Mapping[str, str], stream: bool) -> str:
    return f"/model/{path_segment(model)}/{'converse-stream' if stream else 'converse'}"


def _invoke_path(model: str, options: Mapping[str, str], stream: bool) -> str:
    return f"/model/{path_segment(model)}/invoke"


class BedrockSigner:
    """See `Signer`."""

    async def headers(self, request: OutgoingRequest, secret: str, options: Mapping[str, str]) -> HeaderLines:
        """See `Signer`."""
        if ":" not in secret:
            return []
        return sign(
            ("POST", request.host, request.path, ""),
            [("content-type", request.content_type)],
            request.body,
            AwsCredentials(*secret.split(":", 2)),
            SigningScope(options["region"], "bedrock"),
            datetime.now(UTC),
        )


def _signer(fetch: TokenFetch) -> BedrockSigner:
    return BedrockSigner()


class BedrockAdapter:
    """See `Adapter`."""

    type = "bedrock"
    options: Mapping[str, bool] = {"region": True}
    chat_codec: ProviderCodec = ChatCodec()
    _chat = Translation(codec=ConverseCodec(), path=_chat_path, framing="aws_event_stream")
    _titan = Translation(codec=TitanEmbeddings(), path=_invoke_path)
    _cohere = Translation(codec=CohereEmbeddings(on_bedrock=True), path=_invoke_path)

    @property
    def signer(self) -> SignerFactory | None:
        """See `Adapter`."""
        return _signer

    def default_url(self, options: Mapping[str, str]) -> str:
        """See `Adapter`."""
        return f"https://bedrock-runtime.{options.get('region', '')}.amazonaws.com"

    def headers(self, secret: str, options: Mapping[str, str]) -> HeaderLines:
        """See `Adapter`."""
        return [] if ":" in secret else bearer(secret)

    def native_path(self, surface: Surface, model: str, options: Mapping[str, str], *, stream: bool) -> str | None:
        """See `Adapter`."""
        return None

    def codec(self, surface: Surface, model: str) -> Translation | None:
        """See `Adapter`."""
        if surface == "chat_completions":
            return self._chat
        if surface == "embeddings":
            return self._cohere if "cohere." in model else self._titan
        return None

    def read_error(self, status: int, headers: Mapping[bytes, bytes], document: Document) -> SaidError | None:
        """See `Adapter`. That a model failed is the upstream's fault, whatever its status looks like."""
        return flat_error(502 if status == _MODEL_FAILED else status, document)

    def key_problem(self, secret: str) -> str:
        """See `Adapter`."""
        if ":" in secret and not _KEY.fullmatch(secret):
            return "it isn't ACCESS_KEY_ID:SECRET_ACCESS_KEY, with :SESSION_TOKEN for a temporary one"
        return plain_key_problem(secret)


BEDROCK: Final = BedrockAdapter()
