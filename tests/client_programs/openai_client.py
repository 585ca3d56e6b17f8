"""The conversation through the plain `openai` client: only its base URL points at the gateway."""

from openai import OpenAI

from client_calls import make_calls

make_calls(OpenAI(max_retries=0))
