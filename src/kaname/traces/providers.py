"""One name per model provider: every spelling that senders use → the values of `gen_ai.provider.name`."""

_RENAMED = {
    # Renamed in the conventions.
    "vertex_ai": "gcp.vertex_ai", "gemini": "gcp.gemini", "az.ai.inference": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai", "xai": "x_ai",
    # Vercel AI SDK, OpenInference, Traceloop and LiteLLM spellings.
    "azure": "azure.ai.openai", "azure-openai": "azure.ai.openai", "azure_openai": "azure.ai.openai",
    "google": "gcp.gemini", "google.generative-ai": "gcp.gemini", "google_genai": "gcp.gemini",
    "google.vertex": "gcp.vertex_ai", "vertexai": "gcp.vertex_ai", "google_vertexai": "gcp.vertex_ai",
    "amazon-bedrock": "aws.bedrock", "bedrock": "aws.bedrock", "aws": "aws.bedrock", "aws_bedrock": "aws.bedrock",
    "mistral": "mistral_ai", "mistralai": "mistral_ai", "x-ai": "x_ai", "moonshot": "moonshot_ai",
    "moonshotai": "moonshot_ai", "watsonx": "ibm.watsonx.ai", "openai-responses": "openai",
}  # fmt: skip
_VERCEL_SUFFIXES = frozenset({"chat", "responses", "messages", "completion", "embedding", "image", "transcription"})


def canonical_provider(name: str) -> str:
    """The provider's one name; unknown names come back in lower case."""
    name = name.strip().lower()
    head, _, tail = name.rpartition(".")
    if head and tail in _VERCEL_SUFFIXES:
        name = head
    return _RENAMED.get(name, name)
