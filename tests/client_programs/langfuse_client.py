"""The conversation through Langfuse's SDK: its `openai` drop-in inside an observed function, and a score."""

from langfuse import Langfuse, get_client, observe, propagate_attributes
from langfuse.openai import OpenAI

from client_calls import ANSWER, QUESTION, make_calls

langfuse = Langfuse(environment="staging", release="2026.11")


@observe(name="weather-bot", as_type="agent")
def answer(question: str) -> str:
    with propagate_attributes(session_id="session-1", user_id="user-1", tags=["recorded"], metadata={"plan": "pro"}):
        make_calls(OpenAI())
    get_client().score_current_trace(name="helpful", value=1, data_type="BOOLEAN", comment="said so")
    return ANSWER


answer(QUESTION)
langfuse.flush()
langfuse.shutdown()
