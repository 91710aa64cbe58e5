"""NRR under other policies, and the bridge from the roll-forward: what each choice does to one customer."""

from decimal import Decimal

import pytest
from builders import Company, World

BEFORE_A_YEAR = ("no_customers", "missing_month")


def policies(world: World, month: str) -> dict[str, tuple]:
    """Give numerator and denominator of every policy that has parts."""
    rows = world.rows("metrics.nrr_sensitivity", month=month)
    return {row.policy_key: (row.numerator, row.denominator) for row in rows if row.denominator is not None}


@pytest.fixture
def year(company) -> Company:
    """A company as of 31 December 2025, with one customer of 1,000 from the start."""
    acme = company("2025-12-31")
    acme.sell("steady", 1000, "2024-12-10")
    return acme


def test_a_customer_paused_at_the_end_is_lost_unless_pauses_are_kept(year):
    item = year.sell("paused", 500, "2024-12-10")
    year.add("subscription_pauses", subscription_id=item.split("-item-")[0], paused_from="2025-10-05")
    found = policies(year.build("nrr_sensitivity"), "2025-12")
    assert found["headline"] == (1000, 1500)
    assert found["pauses_kept"] == (1500, 1500)


def test_a_customer_paused_at_the_start_is_in_the_cohort_only_where_pauses_are_kept(year):
    item = year.sell("paused", 500, "2024-11-10")
    year.add(
        "subscription_pauses",
        subscription_id=item.split("-item-")[0],
        paused_from="2024-12-05",
        paused_to="2025-02-05",
    )
    found = policies(year.build("nrr_sensitivity"), "2025-12")
    assert found["headline"] == (1000, 1000)
    assert found["pauses_kept"] == (1500, 1500)


def test_kept_pauses_are_worth_what_the_rate_of_the_windows_last_month_says(year):
    for day, rate in (("2024-01-01", 100), ("2025-04-01", 150)):
        year.add("exchange_rates", rate_date=day, base_currency="USD", rate=rate)
    item = year.sell("abroad", 10, "2024-12-10", currency="USD")
    year.add("subscription_pauses", subscription_id=item.split("-item-")[0], paused_from="2024-12-20")
    found = policies(year.build("nrr_sensitivity"), "2025-12")
    assert found["headline"] == (1000, 1000)
    assert found["pauses_kept"] == (2500, 2500)


def test_the_roll_forward_counts_what_customers_born_in_the_window_did(year):
    year.sell("newcomer", 300, "2025-03-10", "2025-06-10")
    year.sell("returner", 200, "2024-12-10", "2025-02-10")
    year.sell("returner", 250, "2025-05-10")
    found = policies(year.build("nrr_sensitivity"), "2025-12")
    assert found["headline"] == (1250, 1200)
    assert found["rollforward"] == (1200 - 300 - 200, 1200)
    assert found["rollforward_with_reactivation"] == (1200 - 300 - 200 + 250, 1200)


def test_the_roll_forwards_opening_is_nrrs_at_the_rates_of_the_windows_last_month(year):
    for day, rate in (("2024-01-01", 100), ("2025-04-01", 150)):
        year.add("exchange_rates", rate_date=day, base_currency="USD", rate=rate)
    year.sell("abroad", 10, "2024-12-10", currency="USD")
    world = year.build("nrr_sensitivity", "nrr_bridge")
    assert policies(world, "2025-12")["rollforward"] == (2500, 2500)
    bridge = world.row("metrics.nrr_bridge", month="2025-12", segment_type="total")
    assert (bridge.opening_mrr, bridge.cohort_fx_mrr, bridge.opening_revaluation_mrr) == (2000, 500, 500)


def test_a_customer_that_was_bought_by_another_is_still_in_the_cohort_as_it_was(year):
    """Bought in June by somebody that paid nothing before: lost and born as it is, kept as it was."""
    year.account("buyer", created_at="2020-01-01")
    year.account("bought", parent="buyer")
    year.add("account_parents", account_id="bought", parent_account_id="buyer", valid_from="2025-06-01")
    year.sell("bought", 500, "2024-12-10")
    year.sell("buyer", 300, "2025-07-10")
    found = policies(year.build("nrr_sensitivity"), "2025-12")
    assert found["headline"] == (1800, 1500)
    assert found["as_was"] == (1500, 1500)


def test_as_reported_each_end_stands_at_the_month_end_rate_of_its_own_month(year):
    year.add("exchange_rates", rate_date="2024-01-01", base_currency="USD", rate=100)
    year.sell("abroad", 10, "2024-12-10", currency="USD")
    without = year.build("nrr_sensitivity").row("metrics.nrr_sensitivity", month="2025-12", policy_key="as_reported")
    assert (without.value, without.null_reason) == (None, "no_month_end_rate")
    for day, rate in (("2024-12-31", 110), ("2025-12-31", 140)):
        year.add("exchange_rates", rate_date=day, base_currency="USD", rate_type="month_end", rate=rate)
    found = policies(year.build("nrr_sensitivity"), "2025-12")
    assert found["headline"] == (2000, 2000)
    assert found["as_reported"] == (2400, 2100)


def test_a_product_of_rates_needs_twelve_months_and_a_lost_year_makes_it_zero(company):
    acme = company("2026-01-31")
    acme.sell("gone", 1000, "2024-12-10", "2025-12-10")
    acme.sell("late", 1000, "2025-12-10")
    rows = {
        (f"{row.month:%Y-%m}", row.policy_key): row
        for row in acme.build("nrr_sensitivity").rows("metrics.nrr_sensitivity")
    }
    for policy_key in ("compounded", "compounded_with_reactivation"):
        assert rows["2025-11", policy_key].null_reason == "missing_month"
        assert rows["2025-12", policy_key].value == 0
        assert rows["2025-12", policy_key].null_reason is None


def test_before_a_year_has_passed_every_policy_says_why_it_is_null(year):
    for row in year.build("nrr_sensitivity").rows("metrics.nrr_sensitivity", month="2025-11"):
        assert row.value is None
        assert row.difference_to_headline is None
        assert row.null_reason == BEFORE_A_YEAR[row.policy_key.startswith("compounded")]


def test_the_bridge_leads_from_the_roll_forward_to_the_cohort(year):
    year.sell("newcomer", 300, "2025-03-10", "2025-06-10")
    year.sell("grower", 200, "2024-12-10", "2025-06-10")
    year.sell("grower", 260, "2025-06-10")
    bridge = year.build("nrr_bridge").row("metrics.nrr_bridge", month="2025-12", segment_type="total")
    assert bridge.opening_mrr + bridge.expansion_mrr - bridge.churned_mrr == 1200 + 60 - 300
    assert bridge.outside_churned_mrr == 300
    assert bridge.cohort_closing_mrr == Decimal(1260)
