"""What a customer is worth and what it costs to win one: worked numbers, by SQL and by the second opinion."""

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from itertools import count
from pathlib import Path

import pytest
from builders import Company, Warehouse, identities

from orchestration.recompute.metrics.ltv_restricted import restricted_mean

FEW = {"ltv_minimum_customers": 2}
MONTHS = (*(f"2024-{number:02}-01" for number in range(1, 13)), "2025-01-01")


@pytest.fixture
def metric(warehouse: Warehouse, tmp_path: Path):
    """Gives a metric of a month, once both computations agree on all of them."""

    numbers = count()

    def find(company: Company, key: str, month: str = "2025-01"):
        world = warehouse.build_judged(warehouse.judge(company.tables, company.settings, tmp_path / str(next(numbers))))
        assert world.rows(identities.COMPARISON) == []
        return world.metric(key, month)

    return find


def economics(company: Company, cost: object = 300_000, margin: object = "0.70", **columns: object) -> None:
    """Add a month of costs for every month of the year."""
    for period in MONTHS:
        company.add("unit_economics", period=period, gross_margin_rate=margin, sales_and_marketing_cost=cost, **columns)


@pytest.fixture
def year(company) -> Company:
    """One customer more every month from January 2024 to January 2025, 100,000 yen a month each."""
    acme = company("2025-01-31", policy=FEW)
    for number, start in enumerate(MONTHS):
        acme.sell(f"customer-{number:02}", 100_000, start)
    return acme


# The cost of a customer


def test_a_customer_of_300000_that_earns_70000_a_month_pays_back_in_4_29_months(year, metric):
    economics(year)
    found = metric(year, "cac_payback_months")
    assert (found.numerator, found.denominator) == (900_000, 210_000)
    assert round(found.value, 2) == Decimal("4.29")
    assert (found.sample_size, found.null_reason) == (3, None)


def test_ltv_to_cac_is_the_headline_ltv_over_the_cost_of_a_customer(year, metric):
    economics(year)
    # Nobody left: 60 months x 70,000.
    assert metric(year, "ltv_to_cac").value == Decimal(60 * 70_000) / 300_000 == 14


def test_costs_in_another_currency_are_taken_at_the_plan_rate_of_their_month(year, metric):
    economics(year, cost="2000.004", currency="USD")
    year.add("exchange_rates", rate_date="2023-12-31", base_currency="USD", rate=150)
    year.add("exchange_rates", rate_date="2025-01-01", base_currency="USD", rate=160)
    # 2 x 300,000.6 yen and once 320,000.64, each rounded.
    assert metric(year, "cac_payback_months").numerator == 2 * 300_001 + 320_001


def test_a_returner_is_not_won_again(year, metric):
    economics(year)
    year.sell("returner", 100_000, "2024-01-10", "2024-06-10")
    year.sell("returner", 500_000, "2024-12-10")
    assert metric(year, "cac_payback_months").denominator == 210_000


@pytest.mark.parametrize(
    ("month", "change", "reason"),
    [
        ("2024-02", {}, "insufficient_history"),
        ("2025-01", {"sales_and_marketing_cost": None}, "no_cost_data"),
        ("2025-01", {"gross_margin_rate": 0}, "no_margin"),
        ("2025-01", {"gross_margin_rate": "-0.2"}, "no_margin"),
    ],
)
def test_there_is_no_payback(year, metric, month, change, reason):
    economics(year)
    year.tables["unit_economics"][-1] |= change
    found = metric(year, "cac_payback_months", month)
    assert (found.value, found.null_reason) == (None, reason)


def test_without_costs_without_newcomers_and_in_an_unfinished_month_there_is_no_payback(company, year, metric):
    assert metric(year, "cac_payback_months").null_reason == "no_cost_data"
    assert metric(year, "ltv_to_cac").null_reason == "no_cost_data"
    old = company("2025-01-31", policy=FEW)
    for account in ("one", "two"):
        old.sell(account, 100, "2024-01-01")
    economics(old)
    assert metric(old, "cac_payback_months").null_reason == "no_customers"
    unfinished = company("2025-01-30", policy=FEW)
    unfinished.sell("one", 100, "2024-12-01")
    economics(unfinished)
    assert metric(unfinished, "ltv_to_cac").null_reason == "month_incomplete"


def test_what_costs_nothing_has_no_ratio(year, metric):
    economics(year, cost=0)
    assert metric(year, "cac_payback_months").value == 0
    assert metric(year, "ltv_to_cac").null_reason == "no_cost"


def test_costs_are_the_companys_and_have_no_segments(year):
    economics(year)
    world = year.build("metric_values")
    found = world.query(
        "select distinct metric_key, segment_type from metrics.metric_values where metric_key like '%cac%'"
    )
    assert sorted(found) == [("cac_payback_months", "total"), ("ltv_to_cac", "total")]


# How long a customer lasts


@pytest.fixture
def lives(company) -> Company:
    """Four customers of January 2024: one lost after 5 month ends, one after 10, two still there after 13."""
    acme = company("2025-01-31", policy=FEW)
    for account, end in (("five", "2024-06-10"), ("ten", "2024-11-10"), ("a", None), ("b", None)):
        acme.sell(account, 100, "2024-01-10", end)
    economics(acme)
    return acme


def test_those_who_stay_count_as_staying(lives, metric):
    # 5 months of all, 5 of three quarters, 3 of one half: 10.25 months. The mean of those lost would say 7.5.
    found = metric(lives, "ltv_restricted")
    assert found.value == Decimal("10.25") * 100 * Decimal("0.70") == Decimal("717.5")
    assert (found.numerator, found.denominator, found.sample_size) == (None, None, 2)


def test_a_life_ends_with_its_first_zero_also_when_the_customer_returns(lives, metric):
    lives.sell("five", 100, "2024-08-10")
    assert metric(lives, "ltv_restricted").value == Decimal("717.5")


def test_months_beyond_the_cap_and_months_that_nobody_has_lived_count_nothing(company, metric):
    short = company("2025-01-31", policy=FEW | {"ltv_cap_months": 4})
    for account in ("a", "b"):
        short.sell(account, 100, "2024-01-10")
    economics(short, margin=1)
    assert metric(short, "ltv_restricted").value == 400
    short.settings.policy["ltv_cap_months"] = 60
    assert short.metric("ltv_restricted", "2025-01").value == 1300


def test_a_segment_with_few_lives_has_none(lives):
    for row in list(lives.tables["subscription_item_versions"])[-2:]:
        lives.change(row["subscription_item_id"], "2024-12-10", unit_amount=200_000)
    world = lives.build("metric_ltv_restricted")
    assert world.metric("ltv_restricted", "2025-01", "size_band", "M").null_reason == "too_few_lives"
    assert world.metric("ltv_restricted", "2025-01", "country", "unknown").value is not None


def test_before_a_year_with_few_customers_and_without_margin_there_is_none(lives, company, metric):
    assert metric(lives, "ltv_restricted", "2024-12").null_reason == "insufficient_history"
    lives.tables["unit_economics"] = []
    assert lives.metric("ltv_restricted", "2025-01").null_reason == "no_gross_margin"
    lives.settings.policy["ltv_minimum_customers"] = 3
    assert lives.metric("ltv_restricted", "2025-01").null_reason == "too_few_customers"


def test_with_a_constant_churn_the_restricted_mean_nears_one_over_it():
    # Of 1,024 customers half are lost every month: 2 months.
    times = Counter({(age, True): 1024 >> age for age in range(1, 11)} | {(10, False): 1})
    assert restricted_mean(times, 60) == Fraction(2) - Fraction(1, 1024)


# How much is left after years


@pytest.fixture
def projection(company, warehouse) -> dict[tuple, tuple]:
    """What the analysis says of the seeded scenarios."""
    rows = company("2025-01-31").build("dim_months").query(warehouse.analyses["retention_projection"])
    return {(rate, interval, years): figures for _, rate, interval, _, years, *figures in rows}


@pytest.mark.parametrize(
    ("churn", "percents"), [("0.03", ("97", "86", "74", "54")), ("0.25", ("75", "24", "6", "0.3"))]
)
def test_what_is_left_after_1_5_10_and_20_years(projection, churn, percents):
    for years, percent in zip((1, 5, 10, 20), percents, strict=True):
        left = projection[Decimal(churn), "year", years][0]
        assert round(left * 100, 1 if "." in percent else 0) == Decimal(percent)


def test_in_20_years_a_low_churn_earns_about_5_times_as_much(projection):
    _, _, _, after_churn, full_first_year = projection[Decimal("0.03"), "year", 20]
    assert round(after_churn, 2) == Decimal("4.93")
    assert round(full_first_year, 2) == Decimal("3.81")


def test_3_percent_a_month_is_not_3_percent_a_year(company, warehouse):
    rows = company("2025-01-31").build("dim_months").query(warehouse.analyses["retention_projection"])
    yearly = {(rate, interval): churn for _, rate, interval, churn, *_ in rows}
    assert round(yearly[Decimal("0.03"), "month"], 3) == Decimal("0.306")
    assert yearly[Decimal("0.03"), "year"] == Decimal("0.03")
