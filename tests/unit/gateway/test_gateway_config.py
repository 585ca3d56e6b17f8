"""`gateway.yaml`: what is right is understood, what is wrong is named with its line."""

import contextlib
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.cli import gateway
from kaname.gateway.config import default_config, environment_keys, parse_config
from kaname.gateway.config_file import ConfigFile
from kaname.gateway.health import HealthBook
from kaname.gateway.plan import Plan, Planner
from kaname.gateway.planned_target import PlannedTarget
from kaname.gateway.ports import NoLocalModels
from kaname.kernel.errors import ConfigurationError, NotFoundError

ENVIRONMENT = {"K1": "sk-1", "K2": "sk-2", "SPACED": "a b"}
KEYS = environment_keys(ENVIRONMENT)
GOOD = """
providers:
  openai: {type: openai, keys: [{env: K1}, {env: K2, weight: 2}]}
  box: {base_url: "http://10.0.0.7:8000/v1/", allow_private: true, max_connections: 7, stream_usage: false}
models:
  support-bot:
    route: [{targets: [{use: openai/gpt-4o-mini}]}]
    timeouts: {connect: 2s, ttft: 250ms, stall: 1m, total: 1h}
  draft: {use: local/smollm2, tools: true, context_window: 2048}
default_provider: openai
"""


def new_planner() -> Planner:
    return Planner(NoLocalModels(), HealthBook(Random(1)))


def only_target(plan: Plan) -> PlannedTarget:
    assert plan.only is not None
    (target,) = plan.only.primary
    return target


def test_a_whole_file() -> None:
    config = parse_config(GOOD, "gateway.yaml", KEYS)
    openai, box = config.providers["openai"], config.providers["box"]
    assert openai.base_url is not None
    assert box.base_url is not None
    assert openai.base_url.origin[:3] == ("https", "api.openai.com", 443)
    assert [(k.secret, k.weight) for k in openai.keys] == [("sk-1", 1), ("sk-2", 2)]
    assert "sk-1" not in repr(config)
    assert (box.base_url.path, box.base_url.host_header) == ("/v1", "10.0.0.7:8000")
    assert box.base_url.origin.max_connections == 7
    route = config.models["support-bot"]
    assert next(route.targets()).name == "openai/gpt-4o-mini"
    assert tuple(route.timeouts) == (2.0, 0.25, 60.0, 3600.0)
    assert config.models["draft"].tools is True


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("providers: [", 1, "not valid YAML"),
        ("- a", 1, "expected a map"),
        ("provider: {}", 1, "unknown key 'provider'"),
        ("providers:\n  a: {base_url: 'http://x/v1', base_ulr: 1}", 2, "unknown key 'base_ulr'"),
        ("providers:\n  a: {}", 2, "`base_url` is missing"),
        ("providers:\n  a: {type: gopher, base_url: x}", 2, "unknown provider type"),
        ("providers:\n  local: {base_url: 'https://x.example/v1'}", 2, "built in"),
        ("providers:\n  A b: {base_url: 'https://x.example/v1'}", 2, "can't be a provider's name"),
        ("providers:\n  a:\n    base_url: ftp://x/v1", 3, "must look like"),
        ("providers:\n  a:\n    base_url: https://u:p@x.example/v1", 3, "must not have a user"),
        ("providers:\n  a:\n    base_url: https://x.example:99999/v1", 3, "Port out of range"),
        ("providers:\n  a:\n    base_url: http://127.0.0.1:8000/v1", 3, "allow_private"),
        ("providers:\n  a:\n    base_url: http://localhost/v1", 3, "allow_private"),
        ("providers:\n  a:\n    base_url: http://169.254.169.254/v1", 3, "allow_private"),
        ("providers:\n  a:\n    base_url: http://[::ffff:10.0.0.1]/v1", 3, "allow_private"),
        ("providers:\n  a:\n    base_url: https://x.example/v1\n    keys: [{env: NOPE}]", 4, "'NOPE' isn't set"),
        ("providers:\n  a:\n    base_url: https://x.example/v1\n    keys: [{env: SPACED}]", 4, "doesn't hold a key"),
        ("providers:\n  a:\n    base_url: https://x.example/v1\n    keys: [{secret: x}]", 4, "secret 'x' isn't set"),
        ("models:\n  m: {use: nowhere/x}", 2, "no provider is called 'nowhere'"),
        ("models:\n  m: {use: x}", 2, "isn't `provider/model`"),
        ("models:\n  m: {}", 2, "either `use` or `route`"),
        ("models:\n  m:\n    use: local/x\n    timeouts: {total: soon}", 4, "isn't a duration"),
        ("models:\n  m:\n    use: local/x\n    timeouts: {total: 10}", 4, "expected text"),
        ("models:\n  m:\n    route: [{split: {}}]", 3, "`targets` is missing"),
        ("models:\n  m:\n    route: [{split: {}, targets: []}]", 3, "`arms` is missing"),
        ("models:\n  m:\n    route: [{when: 'a b', targets: [local/x]}]", 3, "'a b'"),
        ("models:\n  m:\n    route:\n    - targets: [local/x]\n    - targets: [local/y]", 4, "never reached"),
        ("models:\n  m:\n    route: [{targets: []}]", 3, "has no targets"),
        ("models:\n  m:\n    route: [{split: {arms: {a: 1, b: 1}}, targets: {a: local/x}}]", 3, "arm 'b' has no"),
        ("models:\n  m:\n    use: local/x\n    retry: {max: 99}", 4, "from 0 to 10"),
        ("on_disconnect: later", 1, "isn't known here"),
        ("models:\n  m: {use: local/x}\n  m: {use: local/y}", 3, "repeated"),
        ("default_provider: nowhere", 1, "no provider"),
        ("default_provider: !!int x", 1, "can't read 'x'"),
        ("default_provider: 2001-99-99", 1, "can't read"),
        ("models: &a [*a]", 1, "too large or too deep"),
        ("models:\n  ? [a]\n  : b", 2, "a key must be text"),
        ("models: !!python/object/apply:os.system [ls]", 1, "expected a map"),
    ],
)
def test_errors_name_file_line_and_way_out(text: str, line: int, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_config(text, "gateway.yaml", KEYS)
    assert caught.value.message.startswith(f"gateway.yaml:{line}")
    assert problem in caught.value.message + caught.value.hint
    assert caught.value.hint


@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_an_error(text: str) -> None:
    with contextlib.suppress(ConfigurationError):
        parse_config(text, "x", KEYS)


def test_without_a_file_there_are_the_local_models_and_openai_if_its_key_is_set() -> None:
    assert list(default_config({}).providers) == ["local"]
    config = default_config({"OPENAI_API_KEY": "sk-x"})
    assert config.default_provider == "openai"
    plan = new_planner().plan(config, "gpt-4o-mini")
    assert only_target(plan).target.name == "openai/gpt-4o-mini"


def test_plans_by_alias_and_by_provider() -> None:
    config = parse_config(GOOD.replace("default_provider: openai", ""), "x", KEYS)
    planner = new_planner()
    assert only_target(planner.plan(config, "support-bot")).target.name == "openai/gpt-4o-mini"
    plan = planner.plan(config, "box/org/model")
    assert only_target(plan).target.model == "org/model"
    assert planner.plan(config, "box/org/model") is plan
    target = only_target(planner.plan(config, "support-bot"))
    keys = [target.usable_key(0.0, frozenset(), last_resort=True) for _ in range(6)]
    assert sorted(k.key.name for k in keys if k) == ["env:K1"] * 2 + ["env:K2"] * 4
    left = target.usable_key(0.0, frozenset({"env:K2"}), last_resort=True)
    assert left is not None
    assert left.key.name == "env:K1"
    with pytest.raises(NotFoundError) as caught:
        planner.plan(config, "support-bt")
    assert "support-bot" in caught.value.hint
    assert caught.value.code == "model_not_found"
    with pytest.raises(NotFoundError):
        planner.plan(config, "draft")  # its local model isn't installed


def test_a_bad_file_at_the_start_is_an_error_and_later_is_not(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    with pytest.raises(ConfigurationError, match="doesn't exist"):
        ConfigFile(path, {}, must_exist=True)
    file = ConfigFile(path, {})
    path.write_text("models: {a: {use: local/x}}")
    assert file.reload_if_changed()
    path.write_text("models: 7")
    assert not file.reload_if_changed()
    assert "expected a map" in file.problem
    assert "a" in file.current.models
    with pytest.raises(ConfigurationError):
        ConfigFile(path, {})
    path.unlink()
    assert file.reload_if_changed()
    assert (file.problem, dict(file.current.models)) == ("", {})


def test_the_check_command_shows_everything_but_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(GOOD)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    shown = CliRunner().invoke(gateway, ["check", str(path)]).output
    assert "provider openai: https://api.openai.com (env:K1, env:K2)" in shown
    assert "model support-bot: openai/gpt-4o-mini" in shown
    assert "sk-1" not in shown
    failed = CliRunner().invoke(gateway, ["check", str(tmp_path / "no.yaml")])
    assert isinstance(failed.exception, ConfigurationError)
