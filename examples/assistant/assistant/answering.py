"""The assistant itself: find passages, use a tool if the question asks for one, ask the model, keep the session."""

from collections.abc import Sequence

import kaname_sdk as kaname
from assistant.chat import ChatClient, Message
from assistant.corpus import Language
from assistant.index import Hit, PassageIndex
from assistant.snippet import cut_snippet
from assistant.tools import use_tool

PASSAGES = 3
"""Passages retrieved and traced; only a snippet of the best is shown to the model, which gets lost in more."""
SNIPPET_CHARS: dict[Language, int] = {"en": 350, "ja": 140}
MAX_ANSWER_TOKENS: dict[Language, int] = {"en": 16, "ja": 20}
_SYSTEM: dict[Language, str] = {
    "en": "Answer in a few words taken from the text.",
    "ja": "本文の言葉で短く答えてください。",
}
_EARLIER: dict[Language, str] = {"en": "Earlier question: {question}\n\n", "ja": "前の質問: {question}\n\n"}
_FORM: dict[Language, str] = {
    "en": "{text}\n\nQuestion: {question}\nShort answer:",
    "ja": "{text}\n\n質問: {question}\n短い答え:",
}
# Two worked examples teach a tiny model brevity better than any instruction: exact matches rise from none to some.
_EXAMPLES: dict[Language, Sequence[tuple[str, str, str]]] = {
    "en": (
        (
            "The Eiffel Tower in Paris was built by the company of Gustave Eiffel from 1887 to 1889.",
            "When was the Eiffel Tower finished?",
            "1889",
        ),
        (
            "Honey bees live in colonies. A colony has one queen, who lays all the eggs.",
            "Who lays the eggs?",
            "the queen",
        ),
        ("144 / 12 = 12", "What is 144 / 12?", "12"),
    ),
    "ja": (
        (
            "富士山は静岡県と山梨県にまたがる火山で、高さは3776メートルである。",
            "富士山の高さは何メートルですか?",
            "3776メートル",
        ),
        ("夏目漱石は1867年に東京で生まれた。", "夏目漱石はどこで生まれましたか?", "東京"),
    ),
}


class Assistant:
    """One conversation: remembers the last question, so that a follow-up makes sense.

    Not the last answer: a model this small imitates its own, and one long answer makes all later ones long.
    """

    def __init__(self, index: PassageIndex, chat: ChatClient) -> None:
        self._index = index
        self._chat = chat
        self._earlier = ""

    def ask(self, question: str, language: Language) -> str:
        """Answers a question; raises ChatError."""
        tool = use_tool(question)
        text = tool.text if tool is not None else self._find(question, language)
        prompt = self._earlier + _prompt(text, question, language)
        messages = [*_introduction(language), Message("user", prompt)]
        answer = self._chat.complete(messages, max_tokens=MAX_ANSWER_TOKENS[language], stop=("\n",)).strip()
        self._earlier = _EARLIER[language].format(question=question)
        return answer

    def _find(self, question: str, language: Language) -> str:
        hits = retrieve(self._index, question, PASSAGES)
        return cut_snippet(hits[0].passage.text, question, SNIPPET_CHARS[language]) if hits else ""


def retrieve(index: PassageIndex, question: str, limit: int) -> Sequence[Hit]:
    """The passages for a question, traced as a retriever with its documents."""
    with kaname.span("retrieve", kind="retriever", input=question) as step:
        hits = index.search(question, limit)
        step.set_documents(
            [
                {"id": h.passage.id, "score": round(h.score, 4), "content": h.passage.text, "title": h.passage.title}
                for h in hits
            ]
        )
        step.set_output([h.passage.id for h in hits])
        return hits


def _introduction(language: Language) -> list[Message]:
    messages = [Message("system", _SYSTEM[language])]
    for text, question, answer in _EXAMPLES[language]:
        messages += [Message("user", _prompt(text, question, language)), Message("assistant", answer)]
    return messages


def _prompt(text: str, question: str, language: Language) -> str:
    return _FORM[language].format(text=text, question=question)
