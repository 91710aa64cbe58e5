"""MRR in several moneys, and retention by the hierarchy of then: worked numbers, by SQL and by the second opinion."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from builders import Company, Settings, Warehouse, World, identities, inventions

from orchestration.recompute import MissingRateError
from orchestration.recompute.clock import date_of, first_day
from orchestration.recompute.currency import native_waterfall
from orchestration.recompute.world import World as SecondOpinion

FLOWS = (
    "opening_mrr", "new_mrr", "reactivation_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr", "closing_mrr",
)  # fmt: skip


@pytest.fixture
def agreed(warehouse: Warehouse, tmp_path: Path) -> Callable[[Company], World]:
    """Builds a company, of which both computations agree and every identity holds."""

    def build(company: Company) -> World:
        judged = warehouse.judge(company.tables, company.settings, tmp_path)
        world = warehouse.build_judged(judged)
        found = {name: rows for name in identities.IDENTITIES if (rows := identities.breaks(world, name))}
        found |= {name: rows for name, sql in warehouse.data_tests.items() if (rows := world.query(sql))}
        assert {name: rows for name, rows in found.items() if "fresh" not in name} == {}
        return world

    return build


def rate(company: Company, day: str, value: object, rate_type: str = "month_end", currency: str = "USD") -> None:
    company.add("exchange_rates", rate_date=day, base_currency=currency, rate=value, rate_type=rate_type)


def reported(world: World, month: str, account: str = "acme") -> dict[str, Decimal]:
    """Give what is not 0 of a customer's month as reported."""
    row = world.row("intermediate.int_as_reported_account_months", account_id=account, month=month)
    return {name: amount for name, amount in vars(row).items() if name.endswith("_mrr") and amount}


def native(world: World, month: str, currency: str) -> dict[str, Decimal]:
    """Give what is not 0 of a currency's month."""
    row = world.row("metrics.mrr_waterfall_native", month=month, currency=currency)
    return {name: amount for name, amount in vars(row).items() if name.endswith("_mrr") and amount}


# As reported


@pytest.fixture
def dollars(company) -> Company:
    """USD 1,000 a month since January at the plan rate 150; the year's month-end rates are 150, 140 and 145."""
    acme = company("2025-03-31")
    rate(acme, "2024-12-31", 150, "plan")
    for day, value in (("2025-01-31", 150), ("2025-02-28", 140), ("2025-03-31", 145)):
        rate(acme, day, value)
    return acme


def test_a_month_end_rate_that_falls_is_fx_and_no_contraction(dollars, agreed):
    dollars.sell("acme", 1000, "2025-01-10", currency="USD")
    world = agreed(dollars)
    assert world.mrr("acme")["2025-02"] == 150_000
    assert reported(world, "2025-02") == {"opening_mrr": 150_000, "fx_mrr": -10_000, "closing_mrr": 140_000}
    total = world.row("metrics.mrr_waterfall_as_reported", month="2025-02", segment_type="total")
    assert (total.opening_mrr, total.fx_mrr, total.contraction_mrr, total.closing_mrr) == (150_000, -10_000, 0, 140_000)
    assert reported(world, "2025-03") == {"opening_mrr": 140_000, "fx_mrr": 5_000, "closing_mrr": 145_000}


def test_a_movement_is_at_this_months_rate(dollars, agreed):
    item = dollars.sell("acme", 1000, "2025-01-10", currency="USD")
    dollars.change(item, "2025-02-10", unit_amount=1200)
    dollars.sell("beta", 100, "2025-02-10", "2025-03-10", currency="USD")
    world = agreed(dollars)
    assert reported(world, "2025-02") == {
        "opening_mrr": 150_000, "fx_mrr": -10_000, "expansion_mrr": 28_000, "closing_mrr": 168_000,
    }  # fmt: skip
    assert reported(world, "2025-02", "beta") == {"new_mrr": 14_000, "closing_mrr": 14_000}
    assert reported(world, "2025-03", "beta") == {"opening_mrr": 14_000, "fx_mrr": 500, "churned_mrr": 14_500}


def test_every_item_is_rounded_by_itself(dollars, agreed):
    for _ in range(2):
        dollars.sell("acme", "0.01", "2025-01-10", currency="USD")
    # 1.5 yen each in January, 1.4 in February.
    assert reported(agreed(dollars), "2025-02") == {"opening_mrr": 4, "fx_mrr": -2, "closing_mrr": 2}


def test_an_unfinished_month_has_the_rate_of_the_as_of_date(company, agreed):
    acme = company("2025-02-14")
    rate(acme, "2024-12-31", 150, "plan")
    for day, value in (("2025-01-31", 150), ("2025-02-10", 148), ("2025-02-28", 140)):
        rate(acme, day, value)
    acme.sell("acme", 1000, "2025-01-10", currency="USD")
    assert reported(agreed(acme), "2025-02")["closing_mrr"] == 148_000


def test_who_returns_after_a_pause_is_reactivated_at_the_rate_of_then(dollars, agreed):
    item = dollars.sell("acme", 1000, "2025-01-10", currency="USD")
    (version,) = (row for row in dollars.tables["subscription_item_versions"] if row["subscription_item_id"] == item)
    pause = {"paused_from": "2025-02-10", "paused_to": "2025-03-10"}
    dollars.add("subscription_pauses", subscription_id=version["subscription_id"], **pause)
    world = agreed(dollars)
    assert reported(world, "2025-02") == {"opening_mrr": 150_000, "fx_mrr": -10_000, "churned_mrr": 140_000}
    assert reported(world, "2025-03") == {"reactivation_mrr": 145_000, "closing_mrr": 145_000}


def test_without_any_month_end_rate_nothing_is_said_to_be_as_reported(company, agreed):
    acme = company("2025-03-31")
    rate(acme, "2024-12-31", 150, "plan")
    acme.sell("acme", 1000, "2025-01-10", currency="USD")
    acme.sell("home", 1000, "2025-01-10")
    world = agreed(acme)
    assert world.rows("metrics.mrr_waterfall_as_reported") == []
    assert len(world.rows("metrics.mrr_waterfall", segment_type="total")) == 3


def test_who_bills_in_the_reporting_currency_alone_needs_no_rate(company, agreed):
    acme = company("2025-03-31")
    acme.sell("acme", 1000, "2025-01-10")
    world = agreed(acme)
    assert world.query("select * from metrics.mrr_waterfall_as_reported order by all") == world.query(
        "select * from metrics.mrr_waterfall order by all"
    )


def test_rates_that_begin_later_begin_the_table_then_with_an_opening_and_no_newcomers(company, agreed):
    acme = company("2025-03-31")
    rate(acme, "2024-12-31", 150, "plan")
    rate(acme, "2025-02-28", 140)
    acme.sell("acme", 1000, "2025-01-10", currency="USD")
    acme.sell("gone", 1000, "2025-01-10", "2025-01-31", currency="USD")
    acme.sell("back", 1000, "2025-01-10", "2025-01-20", currency="USD")
    acme.sell("back", 1000, "2025-03-10", currency="USD")
    world = agreed(acme)
    months = [f"{row.month:%Y-%m}" for row in world.rows("metrics.mrr_waterfall_as_reported", segment_type="total")]
    assert months == ["2025-02", "2025-03"]
    assert reported(world, "2025-02") == {"opening_mrr": 140_000, "closing_mrr": 140_000}
    assert (
        world.row("metrics.mrr_waterfall_as_reported", month="2025-02", segment_type="total").segment_transfer_mrr == 0
    )


def test_a_currency_without_the_rate_that_others_have_stops_the_run_and_is_named(dollars, warehouse, tmp_path):
    dollars.sell("acme", 1000, "2025-01-10", currency="USD")
    rate(dollars, "2024-12-31", 160, "plan", "EUR")
    rate(dollars, "2025-03-31", 165, "month_end", "EUR")
    dollars.sell("euro", 1000, "2025-02-10", currency="EUR")
    with pytest.raises(MissingRateError, match=r"No month-end rate from EUR to JPY on or before 2025-02-28.*2025-02"):
        warehouse.judge(dollars.tables, dollars.settings, tmp_path)
    world = dollars.build()
    missing = world.query(warehouse.data_tests["assert_every_needed_rate_is_there"])
    assert missing == [("EUR", date(2025, 2, 1), "month_end")]


def test_a_missing_plan_rate_is_named_too(company, warehouse):
    acme = company("2025-03-31")
    rate(acme, "2025-02-01", 150, "plan")
    acme.sell("acme", 1000, "2025-01-10", currency="USD")
    world = acme.build()
    assert world.query(warehouse.data_tests["assert_every_needed_rate_is_there"]) == [("USD", date(2025, 1, 1), "plan")]


def test_in_plan_rates_fx_stands_where_a_plan_rate_changes_and_nowhere_else(dollars, agreed):
    rate(dollars, "2025-03-01", 160, "plan")
    dollars.sell("acme", 1000, "2025-01-10", currency="USD")
    dollars.sell("home", 1000, "2025-01-10")
    world = agreed(dollars)
    moved = {(row.account_id, f"{row.month:%Y-%m}"): row.fx_mrr for row in world.rows("marts.fct_account_months")}
    assert {key: amount for key, amount in moved.items() if amount} == {("acme", "2025-03"): 10_000}


# In its own money


def test_who_changes_currency_contracts_in_one_and_expands_in_the_other(dollars, agreed):
    dollars.sell("acme", 1000, "2025-01-10", "2025-02-10", currency="USD")
    dollars.sell("acme", 160_000, "2025-02-10")
    world = agreed(dollars)
    assert native(world, "2025-01", "USD") == {"new_mrr": 1000, "closing_mrr": 1000}
    assert native(world, "2025-02", "USD") == {"opening_mrr": 1000, "contraction_mrr": 1000}
    assert native(world, "2025-02", "JPY") == {"expansion_mrr": 160_000, "closing_mrr": 160_000}
    assert not hasattr(world.row("metrics.mrr_waterfall_native", month="2025-02", currency="USD"), "fx_mrr")


def test_a_customer_is_lost_and_comes_back_as_a_whole(dollars, agreed):
    dollars.sell("acme", 1000, "2025-01-10", "2025-02-10", currency="USD")
    dollars.sell("acme", 500, "2025-01-10", "2025-02-10")
    dollars.sell("acme", 700, "2025-03-10")
    world = agreed(dollars)
    assert native(world, "2025-02", "USD") == {"opening_mrr": 1000, "churned_mrr": 1000}
    assert native(world, "2025-02", "JPY") == {"opening_mrr": 500, "churned_mrr": 500}
    assert native(world, "2025-03", "JPY") == {"reactivation_mrr": 700, "closing_mrr": 700}


def test_a_currency_is_rounded_to_its_own_minor_unit(dollars, agreed):
    dollars.sell("acme", 100, "2025-01-10", currency="USD", billing_interval="week")
    assert native(agreed(dollars), "2025-01", "USD") == {"new_mrr": Decimal("433.33"), "closing_mrr": Decimal("433.33")}


@pytest.mark.parametrize("seed", range(3))
def test_sql_and_python_agree_on_every_currency_and_month(warehouse, tmp_path, seed):
    settings = Settings(date(2025, 7, 20), currency=("JPY", "USD")[seed % 2])
    rows = inventions.invent(Random(seed), settings, customers=30)
    judged = warehouse.judge(rows, settings, tmp_path)
    world = warehouse.build(rows, settings, ["mrr_waterfall_native"])
    said = native_waterfall(SecondOpinion(judged.raw_folder, settings))
    seeds = SecondOpinion(judged.raw_folder, settings).seeds
    expected = {
        (date_of(first_day(month)), currency): tuple(Decimal(amount) / seeds.minor_units_of(currency) for amount in row)
        for (month, currency), row in said.items()
    }
    found = {
        (row.month, row.currency): tuple(getattr(row, name) for name in FLOWS)
        for row in world.rows("metrics.mrr_waterfall_native")
    }
    assert found == expected
    assert len({currency for _, currency in found}) == 2


# The fiscal year


@pytest.mark.parametrize(("start", "quarter"), [(4, date(2025, 4, 1)), (1, date(2025, 4, 1)), (2, date(2025, 5, 1))])
def test_the_fiscal_year_begins_when_the_policy_says(company, start, quarter):
    acme = company("2025-06-30", policy={"fiscal_year_start_month": start})
    acme.sell("acme", 1000, "2025-01-10")
    assert acme.build("dim_months").row("marts.dim_months", month="2025-06").quarter_start_month == quarter


# The hierarchy of then


@pytest.fixture
def group(company) -> Company:
    """As of January 2026: parent pays 100 since 2024; child does not pay until June 2025, and then 50."""
    acme = company("2026-01-31")
    acme.account("parent")
    acme.sell("parent", 100, "2024-06-01")
    return acme


def retention(world: World, month: str, window_months: int = 12) -> dict[str, tuple]:
    """Give closing then, closing today and cause of every customer of a window."""
    rows = world.rows("reconciliation.retention_by_hierarchy", month=month, window_months=window_months)
    return {row.account_id: (row.as_was_closing_mrr, row.as_is_closing_mrr, row.cause) for row in rows}


def test_without_a_history_both_bases_say_the_same(group, agreed):
    group.account("child", "parent")
    group.sell("child", 50, "2025-06-01")
    assert retention(agreed(group), "2026-01") == {"parent": (150, 150, None)}


def test_an_account_that_joined_in_the_window_expands_the_customer_of_today_only(group, agreed):
    group.account("child", "parent")
    group.add("account_parents", account_id="child", parent_account_id="parent", valid_from="2025-03-01")
    group.sell("child", 50, "2025-06-01")
    world = agreed(group)
    assert retention(world, "2026-01") == {"parent": (100, 150, "joined")}
    # From a start at which it had joined on, both say the same.
    assert retention(world, "2026-01", 1) == {"parent": (150, 150, None)}
    assert world.query(
        "select sum(as_was_closing_mrr), sum(as_was_opening_mrr), sum(as_is_closing_mrr), sum(as_is_opening_mrr) "
        "from reconciliation.retention_by_hierarchy where month = '2026-01-01' and window_months = 12"
    ) == [(100, 100, 150, 100)]


def test_an_account_that_left_in_the_window_is_followed(group, agreed):
    group.account("child")
    period = {"valid_from": "2020-01-01", "valid_to": "2025-08-31 23:59:59"}
    group.add("account_parents", account_id="child", parent_account_id="parent", **period)
    group.sell("child", 50, "2025-06-01")
    assert retention(agreed(group), "2026-01") == {"parent": (100, 100, None), "child": (50, 0, "left")}


def test_merged_customers_never_appear_as_churn_and_new(group, agreed):
    group.account("bought", "parent")
    group.account("its child", "bought")
    group.add("account_parents", account_id="bought", parent_account_id="parent", valid_from="2025-03-01")
    group.sell("bought", 80, "2024-06-01")
    group.sell("its child", 50, "2025-06-01")
    world = agreed(group)
    assert retention(world, "2026-01") == {"parent": (230, 230, None)}
    assert set(world.movements("parent").values()) == {"new", "expansion", "none"}
    assert world.value("logo_churn_rate_ttm", "2026-01") == 0


def test_with_the_whole_of_a_customer_that_paid_nothing_then_its_accounts_are_merged(group, agreed):
    group.account("bought", "parent")
    group.account("its child", "bought")
    group.add("account_parents", account_id="bought", parent_account_id="parent", valid_from="2025-03-01")
    group.sell("its child", 50, "2025-06-01")
    assert retention(agreed(group), "2026-01") == {"parent": (100, 150, "merged")}


def test_an_account_that_moves_between_customers_is_followed(group, agreed):
    group.account("other")
    group.sell("other", 10, "2025-06-01")
    group.account("child", "other")
    group.add("account_parents", account_id="child", parent_account_id="parent", valid_from="2020-01-01",
              valid_to="2025-08-01")  # fmt: skip
    group.add("account_parents", account_id="child", parent_account_id="other", valid_from="2025-08-01")
    group.sell("child", 50, "2025-07-01")
    world = agreed(group)
    assert retention(world, "2026-01") == {"parent": (100, 100, None), "other": (50, 0, "moved")}
    assert retention(world, "2025-08", 1) == {"parent": (100, 100, None), "other": (60, 60, None)}
    assert "churn" not in world.movements("other").values()


def test_what_pays_may_leave_or_come_while_the_customer_stays(group, agreed):
    # The payer left: of those who stay, nobody paid then; today's customer is none of the cohort.
    group.account("payer")
    group.add("account_parents", account_id="payer", parent_account_id="head", valid_from="2020-01-01",
              valid_to="2025-08-01")  # fmt: skip
    group.sell("payer", 30, "2024-06-01")
    group.sell("head", 20, "2025-07-01")
    # A payer came: today's customer counts as one of the cohort with what its others began later.
    group.account("newcomer", "base")
    group.add("account_parents", account_id="newcomer", parent_account_id="base", valid_from="2025-08-01")
    group.sell("newcomer", 40, "2024-06-01")
    group.sell("base", 60, "2025-07-01")
    found = retention(agreed(group), "2026-01")
    assert found["head"] == (20, 0, "members_left")
    assert found["payer"] == (30, 30, None)
    assert found["base"] == (40, 100, "members_joined")


def test_an_account_that_came_later_stands_where_it_first_stood(group, agreed):
    group.account("child", "parent", created_at="2025-05-20 09:00")
    group.add("account_parents", account_id="child", parent_account_id="parent", valid_from="2025-05-20 15:00")
    group.sell("child", 50, "2025-06-01")
    assert retention(agreed(group), "2026-01") == {"parent": (150, 150, None)}


def test_in_a_ring_of_old_and_new_parents_an_account_stands_as_today(group, agreed):
    group.account("child", "parent")
    group.add("account_parents", account_id="parent", parent_account_id="child", valid_from="2020-01-01",
              valid_to="2025-03-01")  # fmt: skip
    group.sell("child", 50, "2025-06-01")
    assert retention(agreed(group), "2026-01") == {"parent": (150, 150, None)}


def test_a_history_that_begins_after_the_as_of_date_is_none(group, agreed):
    group.account("child", "parent")
    group.add("account_parents", account_id="child", parent_account_id="parent", valid_from="2026-03-01")
    group.sell("child", 50, "2025-06-01")
    assert retention(agreed(group), "2026-01") == {"parent": (150, 150, None)}


def test_around_a_sample_the_customers_that_stood_beside_it_count(warehouse, tmp_path):
    for seed in range(4):
        settings = Settings(date(2025, 7, 20), policy={"recompute_all_accounts": 3, "recompute_sample_customers": 8})
        rows = inventions.invent(Random(seed), settings, customers=25)
        world = warehouse.build_judged(warehouse.judge(rows, settings, tmp_path / str(seed)))
        assert world.rows("reconciliation.recomputed_differences") == []
