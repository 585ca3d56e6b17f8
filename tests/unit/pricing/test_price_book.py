"""What usage costs: the public snapshot, tiers, dates, project prices, and honest ignorance."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.pricing.project_price import (
    PriceDraft,
    PriceTier,
    ProjectPrice,
    check_draft,
    parse_amount,
    to_rate,
)
from kaname.gateway.pricing.rates import PRICE_BUCKETS, complete_table, to_pico
from kaname.gateway.pricing.snapshot import SNAPSHOT_PATH, Snapshot, load_snapshot
from kaname.kernel.clock import to_ns
from kaname.kernel.errors import InvalidInputError
from kaname.traces.model import USAGE_INPUT_BUCKETS, USAGE_OUTPUT_BUCKETS

NOW = to_ns(datetime(2026, 11, 1, tzinfo=UTC))
MILLION = {"input_uncached": 1_000_000}
SMALL = {"input_uncached": 1000, "output_text": 10}


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return load_snapshot()


@pytest.fixture
def book(snapshot: Snapshot) -> PriceBook:
    return PriceBook(snapshot)


def project_price(price_id: str = "prc_1", project_id: str = "prj_1", **draft: object) -> ProjectPrice:
    checked = check_draft(
        PriceDraft(**{"match": "exact", "pattern": "gpt-4o", "prices": {"input_uncached": Decimal(1)}, **draft})
    )
    return ProjectPrice(
        id=price_id,
        project_id=project_id,
        provider=checked.provider,
        match=checked.match,
        pattern=checked.pattern,
        priority=checked.priority,
        rate=to_rate(checked, f"project:{price_id}@1"),
    )


def test_price_buckets_are_the_usage_buckets() -> None:
    assert PRICE_BUCKETS == USAGE_INPUT_BUCKETS + USAGE_OUTPUT_BUCKETS


def test_each_bucket_has_its_price(book: PriceBook) -> None:
    usage = {"input_uncached": 86, "cache_read": 64, "output_text": 40}
    cost = book.cost("openai", "gpt-4o-mini-2024-07-18", usage, NOW)
    assert cost is not None
    assert cost.buckets == {
        "input_uncached": Decimal("0.0000129"), "cache_read": Decimal("0.0000048"), "output_text": Decimal("0.000024"),
    }  # fmt: skip
    assert cost.total == Decimal("0.0000417")
    assert re.fullmatch(r"snapshot:\d{4}-\d\d-\d\d:openai/gpt-4o-mini", cost.price_id)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "claude-3-5-haiku-20241022"),
        ("", "claude-3-5-haiku-20241022"),
        ("aws.bedrock", "anthropic.claude-3-haiku-20240307-v1:0"),
        ("azure.ai.openai", "gpt-4o"),
        ("gcp.gemini", "gemini-2.5-flash"),
        ("gcp.vertex_ai", "gemini-2.5-pro"),
        ("mistral_ai", "mistral-large-latest"),
        ("x_ai", "grok-3"),
        ("deepseek", "deepseek-chat"),
        ("openrouter", "openai/gpt-4o-mini"),
        ("litellm", "anthropic/claude-3-5-haiku-20241022"),
        ("my-proxy", "gpt-4o-mini"),
    ],
)
def test_models_are_found_by_the_names_that_senders_use(book: PriceBook, provider: str, model: str) -> None:
    assert book.cost(provider, model, SMALL, NOW) is not None


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "gpt-99-unheard"), ("", ""), ("local", "gpt-4o"), ("vllm", "mistral-large")]
)
def test_an_unknown_or_self_hosted_model_has_no_cost_and_is_counted(book: PriceBook, provider: str, model: str) -> None:
    assert book.cost(provider, model, SMALL, NOW) is None
    assert book.cost(provider, model, SMALL, NOW) is None
    assert book.unpriced() == {(provider, model): 2}


def test_a_bucket_without_a_price_leaves_the_whole_call_without_one(book: PriceBook) -> None:
    assert book.cost("openai", "text-embedding-3-small", {"input_uncached": 5}, NOW) is not None
    assert book.cost("openai", "text-embedding-3-small", {"input_uncached": 5, "output_audio": 5}, NOW) is None


def test_a_tier_prices_all_tokens_once_its_edge_is_crossed(snapshot: Snapshot) -> None:
    tiered = next(m for m in snapshot.models() if m.rates[0].tiers and not m.rates[0].daily_ns)
    rate = tiered.rates[0]
    above, table = rate.tiers[-1]
    at_edge = rate.cost({"input_uncached": above})
    past_edge = rate.cost({"input_uncached": above + 1})
    assert at_edge.total == Decimal(above * rate.table["input_uncached"]) / 10**12
    assert past_edge.total == Decimal((above + 1) * table["input_uncached"]) / 10**12


def test_a_price_holds_from_its_date(snapshot: Snapshot) -> None:
    dated = next(m for m in snapshot.models() if m.rates[0].from_ns > 0)
    newest = dated.rates[0]
    after = next(r for r in dated.rates if r.holds(newest.from_ns))
    before = next(r for r in dated.rates if r.holds(newest.from_ns - 1))
    assert after is newest
    assert before is not newest


def test_daily_windows_may_cross_midnight(snapshot: Snapshot) -> None:
    rate = next(r for m in snapshot.models() for r in m.rates if r.daily_ns)
    start, end = rate.daily_ns
    day = NOW - NOW % 86_400_000_000_000
    assert rate.holds(day + start)
    assert not rate.holds(day + end)


def test_caching_costs_the_plain_rate_where_no_discount_is_named() -> None:
    assert complete_table({"input_uncached": 5, "output_text": 9}) == {
        **dict.fromkeys(USAGE_INPUT_BUCKETS, 5), **dict.fromkeys(USAGE_OUTPUT_BUCKETS, 9),
    }  # fmt: skip
    assert complete_table({"input_uncached": 5, "cache_write": 6, "cache_write_1h": 10})["cache_write_5m"] == 6


@given(st.dictionaries(st.sampled_from(PRICE_BUCKETS), st.integers(0, 10**9)), st.integers(0, 10**6))
def test_buckets_sum_to_the_total_exactly(usage: dict[str, int], micro: int) -> None:
    prices = dict.fromkeys(PRICE_BUCKETS, Decimal(micro) / 10**6)
    cost = to_rate(PriceDraft(match="exact", pattern="m", prices=prices), "x").cost(usage)
    assert sum(cost.buckets.values(), Decimal()) == cost.total
    assert cost.total == Decimal(micro * sum(usage.values())) / 10**12


def test_project_prices_outrank_the_snapshot_in_their_project_only(snapshot: Snapshot) -> None:
    book = PriceBook(snapshot, [project_price()])
    own = book.cost("openai", "gpt-4o", MILLION, NOW, project_id="prj_1")
    other = book.cost("openai", "gpt-4o", MILLION, NOW, project_id="prj_2")
    assert (own.total, own.price_id) == (Decimal(1), "project:prc_1@1")
    assert other.price_id.startswith("snapshot:")
    book.replace_project_prices([])
    assert book.cost("openai", "gpt-4o", MILLION, NOW, project_id="prj_1").price_id.startswith("snapshot:")


def test_the_more_specific_and_newer_project_price_wins(snapshot: Snapshot) -> None:
    june = datetime(2026, 6, 1, tzinfo=UTC)
    book = PriceBook(
        snapshot,
        [
            project_price("any", match="regex", pattern="gpt-.*", prices={"input_uncached": Decimal(9)}),
            project_price("prefix", match="prefix", pattern="GPT-4", prices={"input_uncached": Decimal(8)}),
            project_price("old", prices={"input_uncached": Decimal(7)}),
            project_price("new", prices={"input_uncached": Decimal(6)}, valid_from=june),
            project_price("azure", provider="azure.ai.openai", prices={"input_uncached": Decimal(5)}),
            project_price("forced", match="prefix", pattern="o9", priority=5, prices={"input_uncached": Decimal(0)}),
        ],
    )

    def price(provider: str, model: str, at_ns: int = NOW) -> str:
        return book.cost(provider, model, MILLION, at_ns, project_id="prj_1").price_id

    assert price("openai", "gpt-4o") == "project:new@1"
    assert price("openai", "gpt-4o", to_ns(june) - 1) == "project:old@1"
    assert price("azure.ai.openai", "gpt-4o") == "project:azure@1"
    assert price("openai", "gpt-4-turbo") == "project:prefix@1"
    assert price("openai", "gpt-3.5") == "project:any@1"


def test_a_local_model_costs_nothing_only_if_a_price_says_so(snapshot: Snapshot) -> None:
    nothing = dict.fromkeys(("input_uncached", "output_text"), Decimal(0))
    free = project_price(match="prefix", pattern="smollm", provider="local", prices=nothing)
    book = PriceBook(snapshot, [free])
    assert book.cost("local", "smollm2-135m", SMALL, NOW, project_id="prj_1").total == 0
    assert book.cost("local", "smollm2-135m", SMALL, NOW, project_id="prj_2") is None


def test_tiers_of_a_project_price() -> None:
    price = project_price(
        prices={"input_uncached": Decimal(1), "output_text": Decimal(4)},
        tiers=[PriceTier(above_input_tokens=100, prices={"input_uncached": Decimal(2)})],
    )
    assert price.rate.cost({"input_uncached": 100, "output_text": 1}).total == Decimal("0.000104")
    assert price.rate.cost({"input_uncached": 101, "output_text": 1}).total == Decimal("0.000206")


@pytest.mark.parametrize(
    ("draft", "param"),
    [
        ({"pattern": ""}, "pattern"),
        ({"pattern": "x" * 201}, "pattern"),
        ({"match": "regex", "pattern": "(a+)+$"}, "pattern"),
        ({"match": "regex", "pattern": ".*.*.*.*x"}, "pattern"),
        ({"match": "regex", "pattern": r"(a)\1"}, "pattern"),
        ({"match": "regex", "pattern": "("}, "pattern"),
        ({"prices": {}}, "prices"),
        ({"prices": {"thoughts": Decimal(1)}}, "prices"),
        ({"tiers": [PriceTier(above_input_tokens=0, prices={"output_text": Decimal(1)})]}, "tiers"),
        ({"tiers": [PriceTier(above_input_tokens=n, prices={"output_text": Decimal(1)}) for n in (2, 1)]}, "tiers"),
    ],
)
def test_a_wrong_price_is_refused_by_name(draft: dict, param: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        project_price(**draft)
    assert caught.value.param == param


@pytest.mark.parametrize("text", ["-1", "NaN", "Infinity", "1e99", "0.0000001", "1000001", "one", "", "1" * 500])
def test_a_wrong_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_amount(text)


def test_amounts_keep_their_places() -> None:
    assert parse_amount("0.075") == Decimal("0.075")
    assert to_pico(parse_amount("0.000001")) == 1


def test_the_snapshot_names_its_source_and_licence() -> None:
    text = SNAPSHOT_PATH.read_text(encoding="utf-8")
    assert '"source":"genai-prices' in text
    assert "MIT License" in text
    assert max(map(len, text.splitlines())) < 6000


def test_the_snapshot_is_what_the_installed_package_compiles_to(snapshot: Snapshot) -> None:
    pytest.importorskip("genai_prices")
    from importlib.metadata import version

    from kaname.gateway.pricing.compile import compile_snapshot

    if snapshot.source != f"genai-prices {version('genai-prices')}":
        pytest.skip(f"the snapshot was compiled from {snapshot.source}")
    date.fromisoformat(snapshot.date)
    assert compile_snapshot(snapshot.date) == SNAPSHOT_PATH.read_bytes()


def test_costs_agree_with_genai_prices(book: PriceBook) -> None:
    genai_prices = pytest.importorskip("genai_prices")
    at = datetime(2026, 11, 1, tzinfo=UTC)
    checked = 0
    for provider, model in (
        ("openai", "gpt-4o"), ("openai", "gpt-4.1-mini"), ("anthropic", "claude-sonnet-4-5"),
        ("google", "gemini-2.5-pro"), ("mistral", "mistral-large-latest"), ("groq", "llama-3.3-70b-versatile"),
    ):  # fmt: skip
        for n_input in (1_000, 199_999, 200_001, 400_000):
            usage = genai_prices.Usage(input_tokens=n_input, cache_read_tokens=500, output_tokens=1234)
            theirs = genai_prices.calc_price(usage, model, provider_id=provider, genai_request_timestamp=at)
            buckets = {"input_uncached": n_input - 500, "cache_read": 500, "output_text": 1234}
            ours = book.cost(provider, model, buckets, NOW)
            assert ours is not None, (provider, model)
            assert abs(ours.total - theirs.total_price) < Decimal("0.000000000001"), (provider, model, n_input)
            checked += 1
    assert checked == 24
