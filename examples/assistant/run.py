"""Asks the example assistant some fifty questions with known answers and scores what it says.

    python examples/assistant/run.py --url http://127.0.0.1:8700 --secret-key kn-sk-…

Progress goes to standard error, the table to standard output. Interrupted, it goes on where it was; once complete, it
only asks a few questions again in new sessions (`--again` asks all). Exit status 0 when every question was answered.
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

try:
    import kaname_sdk as kaname
except ModuleNotFoundError:
    sys.exit("The SDK isn't installed: run `pip install ./sdk` (or `./dev demo`).")

from assistant.answering import Assistant
from assistant.chat import ChatClient, ChatError
from assistant.corpus import Question, load_passages, load_questions
from assistant.index import PassageIndex
from assistant.progress import Answered, Progress, new_run_id, open_progress, progress_key
from assistant.report import format_report
from assistant.scoring import score_answer

QUICK_QUESTIONS = 4
THUMB_EVERY = 3
THUMB_UP_F1 = 0.5


class Runner:
    """Asks questions, one session a topic, and records answers and scores."""

    def __init__(self, chat: ChatClient, progress: Progress, state: Path | None) -> None:
        self._index = PassageIndex(load_passages())
        self._chat = chat
        self._progress = progress
        self._state = state
        self._topic = ""
        self._assistant = Assistant(self._index, chat)

    def ask_all(self, questions: list[Question]) -> None:
        """Asks what isn't answered yet; raises ChatError at the first failure."""
        for number, question in enumerate(questions, 1):
            if self._progress.has(question):
                continue
            if question.topic != self._topic:
                self._topic, self._assistant = question.topic, Assistant(self._index, self._chat)
            started = time.monotonic()
            answered = self._ask(question, has_thumb=number % THUMB_EVERY == 0)
            self._progress.answered.append(answered)
            if self._state is not None:
                self._progress.save(self._state)
            _say(
                f"[{number:>2}/{len(questions)}] {time.monotonic() - started:4.1f} s  F1 {answered.f1:.2f}  "
                f"{question.text[:48]} -> {answered.answer[:48]}"
            )

    def _ask(self, question: Question, *, has_thumb: bool) -> Answered:
        session = f"demo-{self._progress.run_id}-{question.topic}"
        person = f"simulated-user-{question.language}"
        with (
            kaname.session(session),
            kaname.user(person),
            kaname.tags("demo", question.language),
            kaname.metadata(topic=question.topic, question_id=question.id, simulated_user=True),
            kaname.span("assistant", kind="agent", input=question.text) as turn,
        ):
            answer = self._assistant.ask(question.text, question.language)
            turn.set_output(answer)
        score = score_answer(answer, question.answers, question.language)
        known = f"known: {' | '.join(question.answers)}"
        turn.score("exact_match", score.exact, explanation=known)
        turn.score("f1", round(score.f1, 4), explanation=known)
        thumb = score.f1 >= THUMB_UP_F1 if has_thumb else None
        if thumb is not None:
            turn.score("thumbs_up", thumb, source="user", explanation="A simulated user, not a person.")
        return Answered(
            question_id=question.id,
            language=question.language,
            answer=answer,
            exact=score.exact,
            f1=score.f1,
            trace_id=turn.trace_id,
            thumb=thumb,
        )


def main() -> int:
    """The command."""
    options = _read_options()
    kaname.instrument(
        url=options.url, secret_key=options.secret_key, service_name="example-assistant", environment="demo"
    )
    # A supervisor's SIGTERM ends the run like Ctrl-C: what was answered is saved and sent.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    questions = load_questions()[: options.limit]
    chat = ChatClient(options.url, options.secret_key, options.model)
    progress = open_progress(options.state, progress_key(options.url, options.secret_key, options.model, questions))
    if options.again:
        progress = Progress(run_id=new_run_id(), key=progress.key)
    complete = all(progress.has(q) for q in questions)
    try:
        if complete:
            _say(f"All {len(questions)} questions were asked before; asking {QUICK_QUESTIONS} again (--again: all).")
            extra = Progress(run_id=new_run_id(), key=progress.key)
            Runner(chat, extra, None).ask_all(questions[:QUICK_QUESTIONS])
        else:
            Runner(chat, progress, options.state).ask_all(questions)
    except ChatError as e:
        _say(f"Stopped after {len(progress.answered)} of {len(questions)} questions: {e}")
        return 1
    except KeyboardInterrupt:
        _say(f"\nStopped after {len(progress.answered)} of {len(questions)} questions; the next run goes on from here.")
        return 130
    finally:
        kaname.flush()
    print(format_report(progress.answered, options.model))
    return 0


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default=os.environ.get("KANAME_URL", "http://127.0.0.1:8700"))
    parser.add_argument("--secret-key", default=os.environ.get("KANAME_SECRET_KEY", ""))
    parser.add_argument("--model", default="smollm2")
    parser.add_argument(
        "--state", type=Path, default=Path(".kaname/example-assistant.json"), help="where progress is kept"
    )
    parser.add_argument("--again", action="store_true", help="ask all questions in a new run")
    parser.add_argument("--limit", type=int, default=None, help="ask only the first so many")
    options = parser.parse_args()
    options.url = options.url.rstrip("/")
    if not options.secret_key:
        parser.error("give --secret-key or KANAME_SECRET_KEY (a project API key)")
    return options


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
