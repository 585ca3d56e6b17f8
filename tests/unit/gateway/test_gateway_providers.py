"""Adapters: paths, headers and keys of each kind of provider; Google's tokens; a pool that fetches them."""

import asyncio
import base64
from collections.abc import Mapping

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kaname.gateway.config import Provider
from kaname.gateway.model import Surface
from kaname.gateway.providers.google_tokens import GoogleTokens, read_service_account, signed_assertion
from kaname.gateway.providers.model import FetchedToken, OutgoingRequest
from kaname.gateway.providers.registry import ADAPTERS
from kaname.gateway.wire import compile_wire
from kaname.kernel.errors import InvalidInputError, UpstreamError

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
ACCOUNT = orjson.dumps(
    {"type": "service_account", "client_email": "a@p.iam", "private_key": PEM, "private_key_id": "kid"}
).decode()
REQUEST = OutgoingRequest("h", "/p", b"{}", "application/json")


@pytest.mark.parametrize(
    ("kind", "options", "surface", "model", "path"),
    [
        ("azure", {}, "chat_completions", "gpt-4o", "/openai/v1/chat/completions"),
        ("azure", {"api_version": "2024-10-21"}, "chat_completions", "my deployment",
         "/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21"),
        ("azure", {"api_version": "2025-04-01-preview"}, "responses", "d",
         "/openai/responses?api-version=2025-04-01-preview"),
        ("azure", {"api_version": "v"}, "embeddings", "d", "/openai/deployments/d/embeddings?api-version=v"),
        ("gemini", {}, "chat_completions", "models/gemini-2.5-flash", "/models/gemini-2.5-flash:generateContent"),
        ("gemini", {}, "messages", "a/../b", "/models/a%2F..%2Fb:generateContent"),
        ("gemini", {}, "embeddings", "gemini-embedding-001", "/models/gemini-embedding-001:batchEmbedContents"),
        ("vertex", {"project": "p", "region": "us-east5"}, "chat_completions", "claude-opus-4-7",
         "/projects/p/locations/us-east5/publishers/anthropic/models/claude-opus-4-7:rawPredict"),
        ("vertex", {"project": "p"}, "responses", "gemini-3-pro",
         "/projects/p/locations/global/publishers/google/models/gemini-3-pro:generateContent"),
        ("vertex", {"project": "p"}, "embeddings", "text-embedding-005",
         "/projects/p/locations/global/publishers/google/models/text-embedding-005:predict"),
        ("bedrock", {"region": "us-east-1"}, "messages", "us.anthropic.claude-v2:1",
         "/model/us.anthropic.claude-v2%3A1/converse"),
        ("bedrock", {"region": "us-east-1"}, "embeddings", "amazon.titan-embed-text-v2:0",
         "/model/amazon.titan-embed-text-v2%3A0/invoke"),
        ("mistral", {}, "chat_completions", "m", "/chat/completions"),
        ("mistral", {}, "embeddings", "m", "/embeddings"),
        ("cohere", {}, "chat_completions", "m", "/chat"),
        ("cohere", {}, "rerank", "m", "/rerank"),
        ("cohere", {}, "embeddings", "m", "/embed"),
        ("vllm", {}, "rerank", "m", "/rerank"),
        ("llama_cpp", {}, "rerank", "m", "/rerank"),
        ("ollama", {}, "messages", "m", "/chat/completions"),
    ],
)  # fmt: skip
def test_paths(kind: str, options: Mapping[str, str], surface: Surface, model: str, path: str) -> None:
    adapter = ADAPTERS.get(kind)
    provider = Provider(name=kind, type=kind, base_url=None, options=options)
    assert compile_wire(adapter, provider, surface, model, stream=False).path == path


@pytest.mark.parametrize(("kind", "surface"), [("gemini", "rerank"), ("ollama", "rerank"), ("bedrock", "images")])
def test_surfaces_that_a_provider_lacks(kind: str, surface: Surface) -> None:
    provider = Provider(name=kind, type=kind, base_url=None, options={"region": "r"})
    with pytest.raises(InvalidInputError) as refused:
        compile_wire(ADAPTERS.get(kind), provider, surface, "m", stream=False)
    assert refused.value.code == "unsupported_parameter"


def test_urls_and_headers() -> None:
    options = {"region": "eu-west-1", "resource": "acme"}
    urls = {kind: ADAPTERS.get(kind).default_url(options) for kind in ADAPTERS.names()}
    assert urls["azure"] == "https://acme.openai.azure.com"
    assert urls["vertex"] == "https://eu-west-1-aiplatform.googleapis.com/v1"
    assert urls["bedrock"] == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    assert urls["ollama"] == "http://127.0.0.1:11434/v1"
    assert urls["vllm"] == ""
    assert ADAPTERS.get("vertex").default_url({}) == "https://aiplatform.googleapis.com/v1"
    assert ADAPTERS.get("azure").headers("k", {}) == [("api-key", "k")]
    assert ADAPTERS.get("gemini").headers("k", {}) == [("x-goog-api-key", "k")]
    assert ADAPTERS.get("vertex").headers(ACCOUNT, {}) == []
    assert ADAPTERS.get("vllm").headers("", {}) == []


def test_service_accounts() -> None:
    vertex = ADAPTERS.get("vertex")
    assert vertex.key_problem(ACCOUNT) == ""
    for bad in ("sk-123", "[]", "{}", orjson.dumps({"client_email": "a", "private_key": "x"}).decode()):
        problem = vertex.key_problem(bad)
        assert problem
        assert "sk-123" not in problem
    header, claims, signature = signed_assertion(read_service_account(ACCOUNT), 1_700_000_000).split(".")

    def decode(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    assert orjson.loads(decode(header)) == {"alg": "RS256", "typ": "JWT", "kid": "kid"}
    said = orjson.loads(decode(claims))
    assert (said["iss"], said["aud"]) == ("a@p.iam", "https://oauth2.googleapis.com/token")
    assert said["exp"] - said["iat"] == 3600
    KEY.public_key().verify(decode(signature), f"{header}.{claims}".encode(), PKCS1v15(), SHA256())


class TokenEndpoint:
    """Gives numbered tokens, or one answer."""

    def __init__(self, answer: FetchedToken | None = None, lifetime: int = 3600) -> None:
        self.asked: list[tuple[str, str]] = []
        self._answer = answer
        self._lifetime = lifetime

    async def __call__(self, host: str, path: str, form: bytes) -> FetchedToken:
        self.asked.append((host, path))
        await asyncio.sleep(0)
        if self._answer is not None:
            return self._answer
        token = {"access_token": f"ya29.{len(self.asked)}", "expires_in": self._lifetime, "token_type": "Bearer"}
        return FetchedToken(200, orjson.dumps(token))


async def _headers(tokens: GoogleTokens, times: int) -> list[str]:
    results = await asyncio.gather(*(tokens.headers(REQUEST, ACCOUNT, {}) for _ in range(times)))
    return [lines[0][1] for lines in results]


def test_one_request_gets_a_token_for_all() -> None:
    async def run() -> None:
        endpoint = TokenEndpoint()
        tokens = GoogleTokens(endpoint)
        assert set(await _headers(tokens, 5)) == {"Bearer ya29.1"}
        assert await _headers(tokens, 1) == ["Bearer ya29.1"]
        assert endpoint.asked == [("oauth2.googleapis.com", "/token")]

    asyncio.run(run())


def test_a_caller_that_leaves_doesn_t_stop_the_others() -> None:
    async def run() -> None:
        tokens = GoogleTokens(TokenEndpoint())
        first = asyncio.ensure_future(tokens.headers(REQUEST, ACCOUNT, {}))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(tokens.headers(REQUEST, ACCOUNT, {}))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second)[0] == ("authorization", "Bearer ya29.1")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"error":"invalid_grant","error_description":"no"}', "upstream_credentials_exhausted"),
        (403, b"<html>", "upstream_credentials_exhausted"),
        (302, b"", "upstream_invalid_response"),
        (200, b"{}", "upstream_invalid_response"),
        (200, b'{"access_token":"a\\r\\nx: y"}', "upstream_invalid_response"),
        (503, b"", "upstream_invalid_response"),
    ],
)
def test_refused_tokens_can_be_asked_for_again(status: int, body: bytes, code: str) -> None:
    async def run() -> None:
        endpoint = TokenEndpoint(FetchedToken(status, body))
        tokens = GoogleTokens(endpoint)
        for _ in range(2):
            with pytest.raises(UpstreamError) as refused:
                await tokens.headers(REQUEST, ACCOUNT, {})
            assert refused.value.code == code
        assert len(endpoint.asked) == 2

    asyncio.run(run())
