"""Wire formats of chat-like calls and their translation through one hub, OpenAI's chat completions document."""
