"""Section `guardrails`: what it may say, and that every mistake names its line."""

from pathlib import Path

import pytest

from kaname.gateway.config import environment_keys, parse_config
from kaname.gateway.config.model import GatewayConfig
from kaname.gateway.guardrails.model import Guards
from kaname.kernel.errors import ConfigurationError

HEAD = "providers:\n  box: {base_url: 'https://example.com/v1'}\nmodels:\n  m:\n    use: box/q\n    guardrails:\n"


def parse(text: str, source: str = "gateway.yaml") -> GatewayConfig:
    return parse_config(text, source, environment_keys({}))


def guards(body: str, source: str = "gateway.yaml") -> Guards:
    found = parse(HEAD + "".join(f"      {line}\n" for line in body.splitlines()), source).models["m"].guards
    assert found is not None
    return found


def test_an_entry_is_a_kind_with_or_without_options() -> None:
    found = guards(
        "input: [pii, secrets, injection: 1.2, {pii: {name: second, action: block, kinds: [email]}}, {max_cost: 0.5}]\n"
        "output: [pii_block, {keywords: [bomb]}, {length: {max_chars: 9, action: observe}}]\n"
        "stream: {hold_back: 100}\n"
        "message: Not this."
    )
    assert [(g.name, g.action, g.on_error) for g in found.input] == [
        ("pii", "mask", "block"), ("secrets", "block", "block"), ("injection", "block", "block"),
        ("second", "block", "block"), ("max_cost", "block", "block"),
    ]  # fmt: skip
    assert [(g.name, g.action) for g in found.output] == [
        ("pii_block", "block"), ("keywords", "block"), ("length", "observe"),
    ]  # fmt: skip
    assert (found.hold_back, found.message) == (100, "Not this.")
    assert found.input[0].keep_value
    assert not found.output[0].keep_value
    assert found.input[2].roles == {"user", "tool"}


def test_a_judge_is_lenient_and_a_schema_retries() -> None:
    found = guards(
        "output: [{judge: {model: a, rubric: b, timeout: 2s}}, {schema: {schema: {type: object}}},"
        " {schema: {name: s, schema: {}, repair: false}}]"
    )
    assert (found.output[0].on_error, found.output[0].timeout_s) == ("allow", 2.0)
    assert [g.retries for g in found.output] == [False, True, False]


def test_a_schema_file_lies_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text('{"type": "object"}')
    found = guards("output: [{schema: answer.json}]", str(tmp_path / "gateway.yaml"))
    assert found.output[0].call is not None


def test_a_model_replaces_what_holds_for_all() -> None:
    text = "guardrails: {input: [pii]}\n" + HEAD.replace("    guardrails:\n", "    guardrails: {}\n")
    config = parse(text + "  n: {use: box/q}\n")
    assert config.guards
    assert not config.models["m"].guards
    assert config.models["m"].guards is not None
    assert config.models["n"].guards is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("input: [nonsense]", "no guardrail is called 'nonsense'"),
        ("input: [{pii: {action: explode}}]", "'explode' isn't known here"),
        ("input: [{pii: {kinds: [shoe]}}]", "'SHOE' isn't a kind of personal data"),
        ("input: [{pii: {actoin: mask}}]", "unknown key 'actoin'"),
        ("input: [{injection: {action: mask}}]", "'mask' isn't known here"),
        ("input: [{schema: {schema: {}}}]", "can't look at the input"),
        ("output: [{max_cost: 1}]", "can't look at the output"),
        ("output: [{schema: {schema: {type: nope}}}]", "isn't a JSON schema"),
        ("output: [{schema: {schema: {$ref: 'http://127.0.0.1:1/x'}}}]", "isn't a JSON schema"),
        ("output: [{schema: missing.json}]", "can't read"),
        ("input: [{regex: '(?=a)b'}]", "isn't an RE2 pattern"),
        ("input: [{regex: {label: x}}]", "is missing"),
        ("input: [{keywords: {}}]", "there are no words"),
        ("input: [{judge: {model: a}}]", "is missing"),
        ("input: [{length: {min_chars: 9, max_chars: 3}}]", "no limit that could hold"),
        ("input: [{pii: {action: replace}}]", "`with` is missing"),
        ("input: [{pii: {with: x}}]", "has no effect"),
        ("input: [{pii: {timeout: 1s}}]", "has no effect"),
        ("input: [{judge: {model: a, rubric: b, roles: [user]}}]", "has no effect"),
        ("input: [pii, pii]", "two guards are called 'pii'"),
        ("input: [{pii: {}, secrets: {}}]", "expected one kind of guard"),
        ("stream: {hold_back: 3}", "expected a whole number from 48"),
        ("inptu: [pii]", "unknown key 'inptu'"),
    ],
)
def test_mistakes_name_their_line(body: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        guards(body)
    assert said in caught.value.message
    assert caught.value.message.startswith("gateway.yaml:7: models.m.guardrails")


def test_the_documented_example_is_valid(tmp_path: Path) -> None:
    page = (Path(__file__).parents[4] / "docs/en/guardrails.md").read_text("utf-8")
    example = page.split("```yaml\n", 1)[1].split("```", 1)[0]
    (tmp_path / "answer.json").write_text("{}")
    providers = (
        "providers:\n  box: {base_url: 'https://example.com/v1'}\n  openai: {base_url: 'https://example.com/v1'}\n"
    )
    config = parse(providers + example, str(tmp_path / "gateway.yaml"))
    assert config.guards is not None
    assert len(config.guards.input) == 5
    assert len(config.guards.output) == 2
