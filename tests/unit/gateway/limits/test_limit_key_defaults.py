"""`key_defaults` of the configuration file, right and wrong."""

import pytest

from kaname.gateway.limits.key_defaults import read_key_defaults
from kaname.gateway.limits.model import KeyDefaults, KeyPolicy, Rates
from kaname.gateway.limits.windows import WindowRule
from kaname.gateway.yaml_tree import read_tree
from kaname.kernel.errors import ConfigurationError


def read(text: str) -> KeyDefaults:
    return read_key_defaults(read_tree(text, "gateway.yaml"))


def test_rates_and_a_budget_on_the_calendar() -> None:
    defaults = read(
        "rpm: 600\ntpm: 200k\nmodels: [gpt-*, local/m]\n"
        "budget: {usd: 12.5, per: month, time_zone: Asia/Tokyo, on_exceed: {downgrade: local/smollm2}}\n"
    )
    assert defaults == KeyDefaults(
        policy=KeyPolicy(models=("gpt-*", "local/m"), rates=Rates(rpm=600, tpm=200_000)),
        budget_nano_usd=12_500_000_000,
        budget_window=WindowRule(count=1, unit="M", calendar=True, time_zone="Asia/Tokyo"),
        on_exceed="downgrade",
        downgrade_to="local/smollm2",
    )
    assert read("budget: {usd: 1, per: 1h}").budget_window == WindowRule(count=1, unit="h")
    assert read("{}") == KeyDefaults()


@pytest.mark.parametrize(
    ("text", "line", "place"),
    [
        ("rpm: 0", 1, "rpm"),
        ("rpm: 5\ntpm: lots", 2, "tpm"),
        ("budget: {per: month}", 1, "budget"),
        ("budget:\n  usd: -1", 2, "budget.usd"),
        ("budget:\n  usd: 1\n  per: fortnight", 3, "budget.per"),
        ("budget:\n  usd: 1\n  per: 1h\n  calendar: true", 4, "budget.calendar"),
        ("budget:\n  usd: 1\n  time_zone: Mars", 3, "budget.time_zone"),
        ("budget: {usd: 1, on_exceed: stop}", 1, "budget.on_exceed"),
        ("models: [a*b]", 1, "models"),
        ("cidrs: [nowhere]", 1, "cidrs"),
        ("rate: 5", 1, "rate"),
    ],
)
def test_errors_name_the_line_and_the_place(text: str, line: int, place: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(text)
    assert refused.value.message.startswith(f"gateway.yaml:{line}: {place}: "), refused.value.message
