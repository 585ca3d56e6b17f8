"""Answers that a guard stopped, in each client's format, and the question that gives a model another chance."""

from typing import cast

from kaname.gateway.guardrails.model import Document
from kaname.gateway.model import Surface


def blocked_answer(document: Document, surface: Surface, message: str) -> Document:
    """The answer without its content: a 200 that says it was filtered. `message` is what the client reads instead."""
    if surface == "messages":
        content = [{"type": "text", "text": message}] if message else []
        return {**document, "content": content, "stop_reason": "refusal", "stop_sequence": None}
    if surface == "responses":
        details = {"reason": "content_filter"}
        return {**document, "status": "incomplete", "incomplete_details": details, "output": _said(document, message)}
    return {**document, "choices": [_blocked_choice(choice, message) for choice in _choices(document)]}


def ask_again(document: Document, surface: Surface, text: str, reason: str) -> Document | None:
    """The request with the refused answer and what was wrong with it; None where there is no way to say so."""
    complaint = (
        f"Your answer can't be used: {reason}. Answer again, completely, and with nothing but the corrected answer."
    )
    turns = [{"role": "assistant", "content": text or "…"}, {"role": "user", "content": complaint}]
    if surface in ("chat_completions", "messages"):
        return {**document, "messages": [*cast("list[object]", document["messages"]), *turns]}
    if surface == "responses":
        given = document.get("input")
        items = [{"role": "user", "content": given}] if isinstance(given, str) else cast("list[object]", given)
        return {**document, "input": [*items, *turns]}
    return None


def _choices(document: Document) -> list[Document]:
    choices = document.get("choices")
    return cast("list[Document]", choices) if isinstance(choices, list) else []


def _blocked_choice(choice: Document, message: str) -> Document:
    kept = {key: value for key, value in choice.items() if key not in ("logprobs", "message", "text")}
    said: Document = {"text": message} if "text" in choice else {"message": {"role": "assistant", "content": message}}
    return {**kept, **said, "logprobs": None, "finish_reason": "content_filter"}


def _said(document: Document, message: str) -> list[Document]:
    if not message:
        return []
    part: Document = {"type": "output_text", "text": message, "annotations": []}
    name = str(document.get("id", "")).removeprefix("resp_")
    return [{"id": f"msg_{name}", "type": "message", "role": "assistant", "status": "incomplete", "content": [part]}]
