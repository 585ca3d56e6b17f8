"""The example assistant without a server: its data, search, tools, scores and resumption."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from assistant.corpus import HOME, load_passages, load_questions
from assistant.index import PassageIndex, terms
from assistant.progress import Answered
from assistant.report import format_report
from assistant.scoring import bootstrap, score_answer, wilson
from assistant.snippet import cut_snippet
from assistant.tools import calculator, days_between, use_tool
from hypothesis import given
from hypothesis import strategies as st

REPOSITORY = HOME.parents[1]


def test_the_questions_are_enough_and_bilingual() -> None:
    questions = load_questions()
    assert len(questions) >= 40
    assert len({q.id for q in questions}) == len(questions)
    assert min(sum(q.language == language for q in questions) for language in ("en", "ja")) >= 20
    assert all(q.answers and q.text for q in questions)


def test_every_data_set_has_its_licence() -> None:
    for folder in ("squad", "jaquad"):
        assert "Attribution" in (HOME / "data" / folder / "LICENSE").read_text()


def test_search_finds_the_passage_that_answers() -> None:
    index = PassageIndex(load_passages())
    questions = [q for q in load_questions() if use_tool(q.text) is None]
    found = sum(any(a in index.search(q.text, 1)[0].passage.text for a in q.answers) for q in questions)
    assert found >= 0.9 * len(questions)


def test_snippets_keep_the_answer_and_the_bound() -> None:
    index = PassageIndex(load_passages())
    kept = []
    for question in load_questions():
        if use_tool(question.text) is None:
            snippet = cut_snippet(index.search(question.text, 1)[0].passage.text, question.text, 350)
            assert len(snippet) <= 350
            kept.append(any(a in snippet for a in question.answers))
    assert sum(kept) >= 0.9 * len(kept)


@given(st.text(), st.text(max_size=40), st.integers(1, 200))
def test_any_text_can_be_cut_and_searched(passage: str, question: str, limit: int) -> None:
    assert len(cut_snippet(passage, question, limit)) <= limit
    PassageIndex([]).search(question, 3)
    assert all(t for t in terms(question))


def test_terms_of_both_languages() -> None:
    assert terms("What is the Kaname?") == ["kaname"]
    assert terms("姫路城") == ["姫路", "路城"]
    assert terms("Ｋａｎａｍｅ") == ["kaname"]


def test_tools_are_chosen_by_the_question() -> None:
    assert use_tool("Who lays the eggs?") is None
    assert use_tool("When was the 1862 exhibition?") is None
    result = use_tool("What is (250 + 14) / 8?")
    assert result is not None
    assert result.text == "(250 + 14) / 8 = 33"
    assert days_between("1788-03-01", "1862-05-01") == 27_088


@pytest.mark.parametrize("expression", ["__import__('os')", "2**9999", "(1).real", "1 if 1 else 2", "1+" * 99 + "1"])
def test_the_calculator_only_calculates(expression: str) -> None:
    with pytest.raises((ValueError, SyntaxError)):
        calculator(expression)


@pytest.mark.parametrize(
    ("answer", "known", "language", "exact", "f1"),
    [
        ("The centrifugal governor.", ["centrifugal governor"], "en", True, 1.0),
        ("a governor", ["centrifugal governor"], "en", False, 2 / 3),
        ("", ["two"], "en", False, 0.0),
        ("two", ["2", "two"], "en", True, 1.0),
        ("「東京」。", ["東京"], "ja", True, 1.0),
        ("東京都", ["東京"], "ja", False, 0.8),
        ("２５８日", ["258日"], "ja", True, 1.0),
    ],
)
def test_scores(answer: str, known: list[str], language: Any, exact: bool, f1: float) -> None:
    score = score_answer(answer, known, language)
    assert score.exact is exact
    assert score.f1 == pytest.approx(f1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_intervals_hold_their_mean(values: list[float]) -> None:
    interval = bootstrap(values)
    assert interval.low - 1e-9 <= interval.mean <= interval.high + 1e-9
    successes = sum(v > 0.5 for v in values)
    proportion = wilson(successes, len(values))
    assert 0 <= proportion.low <= proportion.mean <= proportion.high <= 1


def test_a_language_without_answers_has_no_interval() -> None:
    answered = Answered(question_id="q", language="en", answer="a", exact=True, f1=1.0, trace_id="t")
    english, japanese = format_report([answered], "m").splitlines()[1:3]
    assert "[" in english
    assert japanese.split() == ["Japanese", "0", "–", "–"]
    assert "[" not in format_report([], "m").split("(in brackets")[0]


class Gateway(http.server.ThreadingHTTPServer):
    """Plays the gateway, the OTLP receiver and the score API; fails after `fail_after` answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.chats: list[tuple[dict[str, str], Any]] = []
        self.scores: list[Any] = []
        self.fail_after = 10**9


class Answer(http.server.BaseHTTPRequestHandler):
    server: Gateway

    def do_GET(self) -> None:
        self._send(200, {"organizations": [{"projects": [{"id": "prj_1"}]}]})

    def do_POST(self) -> None:
        gateway = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/chat/completions":
            if len(gateway.chats) >= gateway.fail_after:
                self._send(400, {"error": {"message": "model exploded"}})
                return
            gateway.chats.append(({k.lower(): v for k, v in self.headers.items()}, json.loads(body)))
            self._send(200, {"choices": [{"message": {"role": "assistant", "content": " two\n"}}]})
        elif self.path.endswith("/scores"):
            gateway.scores.append(json.loads(body))
            self._send(201, {})
        else:
            self._send(200, {})

    def _send(self, status: int, body: object) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    server = Gateway()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def run(gateway: Gateway, state: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "sdk" / "src"), "KANAME_SECRET_KEY": "kn-sk-x"}
    return subprocess.run(
        [sys.executable, str(HOME / "run.py"), "--url", gateway.url, "--state", str(state), *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_whole_run_then_a_quick_one(gateway: Gateway, tmp_path: Path) -> None:
    questions = load_questions()
    first = run(gateway, tmp_path / "state.json")
    assert first.returncode == 0, first.stderr
    assert len(gateway.chats) == len(questions)
    names = [s["name"] for s in gateway.scores]
    assert names.count("exact_match") == names.count("f1") == len(questions)
    thumbs = [s for s in gateway.scores if s["name"] == "thumbs_up"]
    assert len(thumbs) >= 10
    assert all(t["source"] == "user" and "simulated" in t["explanation"] for t in thumbs)
    assert "English" in first.stdout
    assert "Japanese" in first.stdout
    headers, body = gateway.chats[0]
    assert (body["temperature"], body["max_tokens"]) == (0, 16)
    assert headers["x-kaname-session-id"].startswith("demo-")
    assert headers["traceparent"]
    assert len({h["x-kaname-metadata"] for h, _ in gateway.chats}) == len(questions)
    second = run(gateway, tmp_path / "state.json")
    assert second.returncode == 0, second.stderr
    assert len(gateway.chats) == len(questions) + 4
    assert second.stdout == first.stdout


def test_an_interrupted_run_goes_on(gateway: Gateway, tmp_path: Path) -> None:
    gateway.fail_after = 5
    broken = run(gateway, tmp_path / "state.json", "--limit", "8")
    assert broken.returncode == 1
    assert "model exploded" in broken.stderr
    gateway.fail_after = 10**9
    done = run(gateway, tmp_path / "state.json", "--limit", "8")
    assert done.returncode == 0, done.stderr
    assert len(gateway.chats) == 8


def test_without_a_key_it_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(HOME / "run.py")],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY / "sdk" / "src")},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "--secret-key" in done.stderr
