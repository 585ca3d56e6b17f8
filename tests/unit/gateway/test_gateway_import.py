"""`kaname gateway import`: LiteLLM's configuration becomes a valid one of ours, and nothing is lost silently."""

from pathlib import Path

from click.testing import CliRunner

from kaname.gateway.cli import gateway
from kaname.gateway.config import GatewayConfig, parse_config
from kaname.gateway.importing.litellm import import_litellm
from kaname.gateway.importing.model import Imported

LITELLM = """\
model_list:
  - model_name: gpt
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_A, weight: 2, rpm: 100}
  - model_name: gpt
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_B, timeout: 30, stream_timeout: 5}
  - model_name: gpt
    litellm_params: {model: azure/my-deployment, api_base: "https://x.openai.azure.com/", api_version: "2024-10-21",
                     api_key: os.environ/AZURE_KEY, order: 2}
    model_info: {max_input_tokens: 128000}
  - model_name: claude
    litellm_params:
      model: claude-sonnet-4-5
      api_key: sk-ant-in-the-clear
      temperature: 0.2
  - model_name: home
    litellm_params: {model: hosted_vllm/qwen, api_base: "http://10.0.0.7:8000/v1"}
  - model_name: odd
    litellm_params: {model: sagemaker/thing}
  - model_name: "*"
    litellm_params: {model: "openrouter/*"}
router_settings:
  routing_strategy: latency-based-routing
  num_retries: 3
  allowed_fails: 2
  cooldown_time: 30
  timeout: 90
  fallbacks: [{gpt: [claude, home]}, {home: [nowhere]}]
  context_window_fallbacks: [{gpt: [claude]}]
  model_group_alias: {assistant: gpt}
general_settings: {master_key: sk-1234}
"""


def imported() -> Imported:
    return import_litellm(LITELLM, "litellm.yaml")


def parsed() -> GatewayConfig:
    return parse_config(imported().text, "gateway.yaml", lambda source, name: "sk-test")


def test_deployments_become_targets_and_their_order_a_fallback() -> None:
    step = parsed().models["gpt"].steps[0]
    assert [(target.name, target.weight) for target in step.arms[""]] == [
        ("openai/gpt-4o", 2.0),
        ("openai-2/gpt-4o", 1.0),
    ]
    assert [target.name for target in step.fallback] == [
        "azure/my-deployment", "anthropic/claude-sonnet-4-5", "hosted-vllm/qwen",
    ]  # fmt: skip
    assert [target.name for target in step.context_fallback] == ["anthropic/claude-sonnet-4-5"]
    assert step.choose == "fastest"


def test_keys_stay_references_and_never_move_to_another_deployment() -> None:
    config = parsed()
    assert [key.name for key in config.providers["openai"].keys] == ["env:OPENAI_A"]
    assert [key.name for key in config.providers["openai-2"].keys] == ["env:OPENAI_B"]
    assert [key.name for key in config.providers["anthropic"].keys] == ["secret:anthropic-line-13"]
    everything = imported().text + "".join(note.text for note in imported().notes)
    assert "sk-ant" not in everything
    assert "sk-1234" not in everything


def test_behaviour_of_routes_comes_along() -> None:
    config = parsed()
    gpt = config.models["gpt"]
    assert (gpt.retry.max, gpt.timeouts.total_s, gpt.timeouts.first_byte_s) == (3, 30.0, 5.0)
    assert gpt.context_window == 128_000
    assert config.models["claude"].timeouts.total_s == 90.0
    assert config.models["assistant"].steps[0].arms == gpt.steps[0].arms
    assert config.default_provider == "openrouter"
    assert config.providers["hosted-vllm"].base_url is not None
    assert config.providers["azure"].options == {"api_version": "2024-10-21"}


def test_what_has_no_counterpart_is_named_with_its_line() -> None:
    notes = {(note.line, note.path.rpartition(".")[2]): note.text for note in imported().notes}
    assert "limit keys" in notes[3, "rpm"]
    assert "in the clear" in notes[13, "api_key"]
    assert "sagemaker" in notes[18, "model"]
    assert "breakers" in notes[24, "allowed_fails"]
    assert any("nowhere" in text for text in notes.values())
    assert "settings of the server" in notes[30, "general_settings"]
    assert [note.line for note in imported().notes] == sorted(note.line for note in imported().notes)


def test_the_command_writes_the_file_and_lists_the_rest(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "litellm.yaml", tmp_path / "gateway.yaml"
    theirs.write_text(LITELLM)
    result = CliRunner().invoke(gateway, ["import", str(theirs), "-o", str(ours)])
    assert result.exit_code == 0, result.output
    assert ours.read_text() == imported().text
    assert f"{theirs}:3: model_list[0].litellm_params.rpm: " in result.stderr
