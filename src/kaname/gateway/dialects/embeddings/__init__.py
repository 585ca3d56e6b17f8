"""OpenAI's embeddings ⇄ the formats of providers that say them otherwise. The hub is OpenAI's own format."""
