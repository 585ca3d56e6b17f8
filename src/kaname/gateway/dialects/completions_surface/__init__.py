"""OpenAI's older completions, as a client format."""
