"""`wrap(client)`: the official OpenAI client, traced, without changing what it does."""

from kaname_sdk.openai_client.wrap import wrap

__all__ = ["wrap"]
