"""`kaname gateway import portkey.json`: configs as Portkey documents them become valid ones of ours, with notes."""

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.cli import gateway
from kaname.gateway.config import GatewayConfig, RouteStep, parse_config
from kaname.gateway.importing.model import Imported
from kaname.gateway.importing.portkey import import_portkey
from kaname.gateway.routing.model import RouteInput
from kaname.kernel.errors import ConfigurationError

BALANCED = """{
  "strategy": {"mode": "loadbalance"},
  "retry": {"attempts": 5, "on_status_codes": [429, 529]},
  "cache": {"mode": "simple", "max_age": 6000},
  "request_timeout": 20000,
  "targets": [
    {"provider": "openai", "api_key": "sk-in-the-clear", "weight": 0.7, "override_params": {"model": "gpt-4o"}},
    {"virtual_key": "azure-test-4110dd", "weight": 0.3, "override_params": {"model": "gpt-4o", "temperature": 0.2}},
    {"provider": "anthropic", "api_key": "ANTHROPIC_API_KEY", "weight": 0, "override_params": {"model": "claude-x"}}
  ]
}"""
NESTED = """{
  "strategy": {"mode": "fallback", "on_status_codes": [429, 500]},
  "targets": [
    {"strategy": {"mode": "loadbalance"},
     "targets": [
       {"provider": "@openai-prod", "weight": 0.5, "overrideParams": {"model": "gpt-4o-mini"}},
       {"provider": "openai", "apiKey": "{{OPENAI_EU_KEY}}", "customHost": "https://eu.example.com/v1/", "weight": 0.25,
        "override_params": {"model": "gpt-4o-mini", "messages": []}}
     ]},
    {"provider": "bedrock", "aws_region": "eu-west-1", "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
     "aws_secret_access_key": "wJalrXUtnFEMI", "override_params": {"model": "anthropic.claude-x"},
     "input_guardrails": [{"default.contains": {"operator": "none", "words": ["Apple"]}, "deny": true}]},
    {"provider": "groq", "override_params": {"model": "llama-3.1-8b"}, "forward_headers": ["x-a"]}
  ]
}"""
CONDITIONAL = """{"success": true, "data": {"config": {
  "strategy": {
    "mode": "conditional",
    "conditions": [
      {"query": {"metadata.user_plan": {"$eq": "paid"}}, "then": "fine-tuned"},
      {"query": {"$and": [{"metadata.region": {"$in": ["eu", "uk"]}}, {"metadata.tier": {"$gte": "2"}}]}, "then": "eu"},
      {"query": {"params.model": {"$in": ["fastest", "cheapest"]}}, "then": "small"},
      {"query": {"params.temperature": {"$gte": 0.7}}, "then": "eu"},
      {"query": {"metadata.user_plan": {"$regex": "^trial-"}}, "then": "nowhere"}
    ],
    "default": "base"
  },
  "targets": [
    {"name": "fine-tuned", "virtual_key": "openai-ft", "override_params": {"model": "ft:gpt-4o:acme"}},
    {"name": "eu", "provider": "mistral-ai", "virtual_key": "mistral-eu",
     "override_params": {"model": "mistral-small"}},
    {"name": "small", "strategy": {"mode": "fallback"}, "targets": [
      {"provider": "google", "api_key": "$GEMINI_KEY", "override_params": {"model": "gemini-2.5-flash"}},
      {"provider": "ollama", "override_params": {"model": "qwen3"}}]},
    {"name": "base", "provider": "openai"}
  ]
}}}"""


def parsed(imported: Imported) -> GatewayConfig:
    return parse_config(imported.text, "gateway.yaml", lambda source, name: "sk-test")


def route(text: str, **options: str) -> tuple[RouteStep, ...]:
    return parsed(import_portkey(text, "portkey.json", **options)).models["portkey"].steps


def notes_of(text: str) -> dict[str, str]:
    return {note.path: note.text for note in import_portkey(text, "portkey.json").notes}


def test_a_load_balancer_becomes_weighted_equals() -> None:
    config = parsed(import_portkey(BALANCED, "portkey.json", name="assistant"))
    assistant = config.models["assistant"]
    [step] = assistant.steps
    assert [(t.name, t.weight, dict(t.overrides)) for t in step.arms[""]] == [
        ("openai/gpt-4o", 0.7, {}), ("azure-test-4110dd/gpt-4o", 0.3, {"temperature": 0.2}),
    ]  # fmt: skip
    assert (assistant.retry.max, assistant.timeouts.total_s) == (5, 20.0)
    assert assistant.cache is not None
    assert (assistant.cache.exact_s, assistant.cache.scope, assistant.cache.semantic) == (6000.0, "key", None)


def test_a_key_in_the_clear_is_never_written() -> None:
    for text, secrets in ((BALANCED, ["sk-in-the-clear"]), (NESTED, ["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI"])):
        imported = import_portkey(text, "portkey.json")
        everything = imported.text + "".join(note.text for note in imported.notes)
        for secret in secrets:
            assert secret in text
            assert secret not in everything
    config = parsed(import_portkey(BALANCED, "portkey.json"))
    assert [key.name for key in config.providers["openai"].keys] == ["secret:openai-line-7"]
    assert [key.name for key in config.providers["azure-test-4110dd"].keys] == ["secret:azure-test-4110dd"]


def test_strategies_inside_strategies_are_laid_flat() -> None:
    [step] = route(NESTED)
    assert [(t.name, t.weight) for t in step.arms[""]] == [
        ("openai-prod/gpt-4o-mini", 0.5),
        ("openai/gpt-4o-mini", 0.25),
    ]
    assert [t.name for t in step.fallback] == ["bedrock/anthropic.claude-x", "groq/llama-3.1-8b"]
    config = parsed(import_portkey(NESTED, "portkey.json"))
    types = {name: provider.type for name, provider in config.providers.items() if name != "local"}
    assert types == {
        "openai-prod": "openai", "openai": "openai_compatible", "bedrock": "bedrock", "groq": "openai_compatible",
    }  # fmt: skip
    assert config.providers["openai"].base_url.origin.host == "eu.example.com"
    assert [key.name for key in config.providers["openai"].keys] == ["env:OPENAI_EU_KEY"]
    assert config.providers["bedrock"].options == {"region": "eu-west-1"}


def test_what_has_no_counterpart_is_named_with_its_place() -> None:
    notes = notes_of(NESTED)
    assert "what falls back is fixed" in notes["strategy.on_status_codes"]
    assert "can't be overridden" in notes["targets[0].targets[1].override_params.messages"]
    assert "guardrails.input" in notes["targets[1].input_guardrails"]
    assert "aren't sent on" in notes["targets[2].forward_headers"]
    assert "$GROQ_API_KEY" in notes["targets[2]"]
    assert "in the clear" in notes_of(BALANCED)["targets[0].api_key"]
    assert "no weight" in notes_of(BALANCED)["targets[2]"]
    assert "scope: project" in notes_of(BALANCED)["cache"]
    lines = [note.line for note in import_portkey(NESTED, "portkey.json").notes]
    assert lines == sorted(lines)


def call(model: str = "portkey", **metadata: str) -> RouteInput:
    return RouteInput(model, "chat_completions", False, "k", "key_1", "prj_1", "", "", (), metadata, {})


@pytest.mark.parametrize(
    ("asked", "step"),
    [
        (call(user_plan="paid"), 0), (call(region="uk", tier="3"), 1), (call(region="uk", tier="1"), 3),
        (call("cheapest"), 2), (call(), 3),
    ],
)  # fmt: skip
def test_conditions_become_steps(asked: RouteInput, step: int) -> None:
    steps = route(CONDITIONAL, model="gpt-4o")
    assert len(steps) == 4
    assert next(i for i, s in enumerate(steps) if s.when is None or s.when(asked)) == step


def test_branches_of_a_condition_keep_their_targets_and_callers_their_names() -> None:
    config = parsed(import_portkey(CONDITIONAL, "portkey.json", model="gpt-4o"))
    assert list(config.models) == ["portkey", "fastest", "cheapest"]
    steps = config.models["fastest"].steps
    assert [t.name for t in steps[0].arms[""]] == ["openai-ft/ft:gpt-4o:acme"]
    assert ([t.name for t in steps[2].arms[""]], [t.name for t in steps[2].fallback]) == (
        ["google/gemini-2.5-flash"], ["ollama/qwen3"],
    )  # fmt: skip
    assert [t.name for t in steps[3].arms[""]] == ["openai/gpt-4o"]
    assert (config.providers["google"].type, config.providers["mistral-eu"].type) == ("gemini", "mistral")
    texts = [note.text for note in import_portkey(CONDITIONAL, "portkey.json").notes]
    assert any("params.temperature" in text for text in texts)
    assert any("names no target" in text for text in texts)
    assert any("replace-me" in text for text in texts)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cache": {"mode": "semantic", "max_age": 100}}, {"exact": "100s", "semantic": {"ttl": "100s"}}),
        ({"cache": "simple"}, {"exact": "3600s"}),
        ({"cache": {"mode": "simple", "maxAge": 9_000_000}}, {"exact": "86400s"}),
    ],
)
def test_caches(change: dict[str, object], said: dict[str, object]) -> None:
    text = json.dumps({"provider": "openai", "api_key": "x", "override_params": {"model": "m"}, **change})
    cache = parsed(import_portkey(text, "c.json")).models["portkey"].cache
    assert cache is not None
    assert f"{cache.exact_s:g}s" == said["exact"]
    assert (cache.semantic is not None) == ("semantic" in said)


VALUES = st.one_of(st.none(), st.booleans(), st.integers(-3, 9), st.text(max_size=5), st.just([]), st.just([{}]))


@given(st.sampled_from([BALANCED, NESTED, CONDITIONAL]), VALUES, st.randoms(use_true_random=False))
def test_one_odd_value_anywhere_is_imported_or_refused(text: str, odd: object, chance: random.Random) -> None:
    document = json.loads(text)
    inner: object = document
    while True:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))  # type: ignore[arg-type]
        key = chance.choice(keys)
        below = inner[key]  # type: ignore[index]
        if not isinstance(below, (dict, list)) or not below or chance.random() < 0.3:
            inner[key] = odd  # type: ignore[index]
            break
        inner = below
    try:
        imported = import_portkey(json.dumps(document), "c.json", model="m")
        assert "sk-in-the-clear" not in imported.text
        parsed(imported)
    except ConfigurationError as e:
        assert e.message


def test_the_command_knows_whose_file_it_is(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "My Bot.json", tmp_path / "gateway.yaml"
    theirs.write_text(BALANCED)
    result = CliRunner().invoke(gateway, ["import", str(theirs), "-o", str(ours)])
    assert result.exit_code == 0, result.output
    assert "my-bot" in parse_config(ours.read_text(), "gateway.yaml", lambda source, name: "sk-test").models
    assert f"{theirs}:7: targets[0].api_key: " in result.stderr
    assert "sk-in-the-clear" not in result.stderr + result.stdout
    theirs.write_text(CONDITIONAL)
    result = CliRunner().invoke(gateway, ["import", str(theirs), "--name", "bot", "--model", "gpt-4o"])
    assert "# Imported from Portkey" in result.stdout
    assert "replace-me" not in result.stdout
