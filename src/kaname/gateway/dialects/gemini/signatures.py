"""Gemini's thought signatures on their way through the hub.

Gemini gives a signature with a tool call and wants it back with the next turn. Clients of chat completions get it where
Google's own compatible endpoint puts it, in the tool call's `extra_content`; clients of Messages, which send thinking
blocks back but nothing unknown, get it as the signature of one, marked so that it isn't taken for Anthropic's.
Source: https://ai.google.dev/gemini-api/docs/thought-signatures.
"""

from typing import Final

from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import object_in, objects_in, text_in

MARK: Final = "gemini:"
STAND_IN: Final = "skip_thought_signature_validator"
"""What Google documents for calls that another model made."""


def signed_block(thinking: str, signature: str) -> Document:
    """A thinking block that carries a signature of Gemini's."""
    return {"type": "thinking", "thinking": thinking, "signature": MARK + signature}


def extra_content(signature: str) -> Document:
    """What a signed tool call has besides."""
    return {"extra_content": {"google": {"thought_signature": signature}}}


def signature_of_call(call: Document) -> str:
    """The signature that came back with a tool call; "" when none did."""
    return text_in(object_in(object_in(call, "extra_content"), "google"), "thought_signature")


def signature_of_message(message: Document) -> str:
    """The signature that came back as a thinking block; "" when none did."""
    for block in objects_in(message, "thinking_blocks"):
        signature = text_in(block, "signature")
        if signature.startswith(MARK):
            return signature.removeprefix(MARK)
    return ""
