"""OpenAI chat completions, the hub itself: as a client format and as an upstream format."""
