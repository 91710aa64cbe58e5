"""MRR at a month end: what is in force, what it is worth, and whose it is."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from builders import Company


@pytest.fixture
def march(company: Callable[..., Company]) -> Company:
    """A company as of 30 April 2025, in yen and Tokyo."""
    return company("2025-04-30")


# The amount


def test_an_interval_is_brought_to_a_month(company):
    acme = company("2025-01-31", currency="USD")
    cases = {
        (300, "month", 3): "100",
        (1_200_000, "year", 1): "100000",
        (2400, "year", 2): "100",
        (100, "week", 1): "433.33",
        (100, "week", 2): "216.67",
        (10, "day", 1): "304.17",
        (10, "day", 30): "10.14",
    }
    for unit_amount, interval, count in cases:
        terms = {"billing_interval": interval, "interval_count": count}
        acme.sell(f"{count} {interval}", unit_amount, "2025-01-10", currency="USD", **terms)
    world = acme.build("fct_account_months")
    for (_, interval, count), mrr in cases.items():
        assert world.mrr(f"{count} {interval}") == {"2025-01": Decimal(mrr)}


def test_amounts_are_rounded_half_away_from_zero_to_the_minor_unit_at_item_and_month(company):
    acme = company("2025-01-31")
    subscription = acme.subscription("a", "2025-01-10")
    for _ in range(3):
        acme.item(subscription, "10.5")
    assert acme.mrr("a") == {"2025-01": 33}


def test_the_minor_unit_is_the_reporting_currencys(company):
    acme = company("2025-01-31", currency="BHD")
    acme.sell("a", "1.2345", "2025-01-10", currency="BHD")
    assert acme.mrr("a") == {"2025-01": Decimal("1.235")}


def test_quantities_and_prices_may_have_four_decimals(company):
    acme = company("2025-01-31", currency="USD")
    acme.sell("a", "0.3333", "2025-01-10", quantity="12.5", currency="USD")
    assert acme.mrr("a") == {"2025-01": Decimal("4.17")}


def test_a_recurring_discount_reduces_mrr_and_both_amounts_are_kept(march):
    march.sell("a", 100, "2025-04-10", quantity=10, discount_amount=150, discount_kind="recurring")
    row = march.build("fct_account_months").row("marts.fct_account_months", account_id="a")
    assert (row.closing_mrr, row.closing_list_mrr) == (850, 1000)


@pytest.mark.parametrize("kind", ["limited", None])
def test_a_discount_that_is_limited_or_of_no_kind_does_not_reduce_mrr(march, kind):
    march.sell("a", 100, "2025-04-10", quantity=10, discount_amount=150, discount_kind=kind)
    assert march.mrr("a") == {"2025-04": 1000}


def test_a_free_plan_carries_nothing(march):
    march.sell("a", 0, "2025-03-10")
    march.sell("b", 100, "2025-03-10", discount_amount=100, discount_kind="recurring")
    world = march.build("fct_account_months")
    assert world.mrr("a") == world.mrr("b") == {}


@pytest.mark.parametrize("product", ["calls", "setup"])
def test_metered_use_and_one_time_charges_are_not_mrr(march, product):
    march.sell("a", 100, "2025-04-10")
    march.sell("a", 900, "2025-04-10", product_id=product)
    assert march.mrr("a") == {"2025-04": 100}


# In force


def test_of_a_change_inside_a_month_the_state_at_its_end_wins(march):
    item = march.sell("a", 100, "2025-03-10", quantity=10)
    march.change(item, "2025-04-05", quantity=30)
    march.change(item, "2025-04-25", quantity=12)
    assert march.mrr("a") == {"2025-03": 1000, "2025-04": 1200}


@pytest.mark.parametrize("ends", ["subscription", "version"])
def test_an_end_in_the_last_minute_of_a_month_or_at_its_midnight_still_counts(march, ends):
    cases = {
        "2025-03-30 23:59:59": 0,
        "2025-03-31 23:58:59": 0,
        "2025-03-31 23:59:00": 100,
        "2025-03-31 23:59:59": 100,
        "2025-04-01 00:00:00": 100,
    }
    for end in cases:
        subscription = march.subscription(end, "2025-02-10", end if ends == "subscription" else None)
        march.item(subscription, 100, valid_to=end if ends == "version" else None)
    world = march.build("fct_account_months")
    assert {end: world.mrr(end)["2025-03"] for end in cases} == cases


def test_an_end_before_midnight_stays_as_written_when_the_next_version_starts_before_it(march):
    item = march.sell("a", 100, "2025-02-10")
    march.change(item, "2025-03-31 23:59:59", unit_amount=300)
    assert march.mrr("a") == {"2025-02": 100, "2025-03": 300, "2025-04": 300}


def test_a_change_at_half_past_three_pm_utc_is_tomorrow_in_tokyo(march):
    item = march.sell("a", 100, "2025-02-10")
    march.change(item, "2025-03-31T15:30:00Z", unit_amount=300)
    assert march.mrr("a") == {"2025-02": 100, "2025-03": 100, "2025-04": 300}


def test_the_month_end_is_the_reporting_time_zones(company):
    acme = company("2025-04-30", time_zone="America/New_York")
    item = acme.sell("a", 100, "2025-02-10")
    acme.change(item, "2025-04-01T03:59:00Z", unit_amount=300)
    assert acme.mrr("a") == {"2025-02": 100, "2025-03": 300, "2025-04": 300}


def test_mrr_begins_when_version_subscription_and_trial_have_all_begun(march):
    for account, trial_end in (("late", "2025-04-02"), ("early", "2025-03-24")):
        subscription = march.subscription(account, "2025-03-10", trial_ended_at=trial_end)
        march.item(subscription, 100, valid_from="2025-03-01")
    world = march.build("fct_account_months", "dim_accounts")
    assert world.mrr("late") == {"2025-04": 100}
    assert world.mrr("early") == {"2025-03": 100, "2025-04": 100}
    assert world.row("marts.dim_accounts", account_id="early").started_on == date(2025, 3, 24)


def test_a_version_that_starts_after_the_trial_counts_from_its_own_start(march):
    item = march.item(march.subscription("a", "2025-02-10", trial_ended_at="2025-02-24"), 100)
    march.change(item, "2025-03-10", unit_amount=300)
    assert march.mrr("a") == {"2025-02": 100, "2025-03": 300, "2025-04": 300}


def test_a_trial_without_an_end_carries_nothing_while_its_status_says_so(march):
    march.item(march.subscription("a", "2025-03-10", status="trialing"), 100)
    march.item(march.subscription("b", "2025-03-10", status="trialing", trial_ended_at="2025-03-24"), 100)
    world = march.build("fct_account_months")
    assert world.mrr("a") == {}
    assert world.mrr("b") == {"2025-03": 100, "2025-04": 100}


def test_past_due_counts_until_the_service_ends_and_is_involuntary_churn_then(march):
    march.item(march.subscription("a", "2025-02-10", status="past_due"), 100)
    march.item(march.subscription("b", "2025-02-10", "2025-04-10", status="past_due", cancel_kind="involuntary"), 100)
    world = march.build("fct_account_months")
    assert world.mrr("a") == {"2025-02": 100, "2025-03": 100, "2025-04": 100}
    assert world.mrr("b") == {"2025-02": 100, "2025-03": 100, "2025-04": 0}
    assert world.row("marts.fct_account_months", account_id="b", month="2025-04").churn_reason == "involuntary"


def test_a_pause_counts_at_a_month_end_only_as_churn_then_reactivation(company):
    acme = company("2025-05-31")
    subscription = acme.subscription("a", "2025-01-10")
    acme.item(subscription, 100)
    acme.add("subscription_pauses", subscription_id=subscription, paused_from="2025-02-05", paused_to="2025-02-25")
    acme.add("subscription_pauses", subscription_id=subscription, paused_from="2025-03-25", paused_to="2025-05-05")
    world = acme.build("fct_account_months")
    assert world.mrr("a") == {"2025-01": 100, "2025-02": 100, "2025-03": 0, "2025-04": 0, "2025-05": 100}
    assert world.movements("a") == {
        "2025-01": "new",
        "2025-02": "none",
        "2025-03": "churn",
        "2025-04": "none",
        "2025-05": "reactivation",
    }
    assert world.row("marts.fct_account_months", account_id="a", month="2025-03").churn_reason == "pause"


def test_a_status_of_paused_without_a_pause_row_counts_as_active(march):
    march.item(march.subscription("a", "2025-03-10", status="paused"), 100)
    assert march.mrr("a") == {"2025-03": 100, "2025-04": 100}


def test_cancelled_and_paid_to_the_end_of_the_term_counts_to_that_end(march):
    subscription = march.subscription("a", "2025-02-10", "2025-04-10", cancel_requested_at="2025-02-20")
    march.item(subscription, 100)
    assert march.mrr("a") == {"2025-02": 100, "2025-03": 100, "2025-04": 0}


def test_an_open_version_ends_with_its_subscription(march):
    march.item(march.subscription("a", "2025-02-10", "2025-03-10"), 100, valid_to="9999-12-31")
    assert march.mrr("a") == {"2025-02": 100, "2025-03": 0, "2025-04": 0}


# Days without a clock


def warnings(world) -> set[tuple[str, str]]:
    """Give key and warning of every row that was read with an opinion."""
    return set(world.query("select row_key, warning from audit.row_warnings"))


def test_a_day_without_a_clock_is_the_local_day(company):
    acme = company("2026-06-30", time_zone="America/New_York")
    acme.sell("a", 1000, date(2026, 4, 1))
    acme.sell("b", 1000, date(2026, 1, 1), date(2026, 5, 1))
    world = acme.build("fct_account_months", "row_warnings")
    assert world.movements("a") == {"2026-04": "new", "2026-05": "none", "2026-06": "none"}
    assert world.movements("b")["2026-04"] == "none"
    assert world.movements("b")["2026-05"] == "churn"
    assert ("ended_at", "plain_day_ends_read_as_exclusive") in warnings(world)


@pytest.mark.parametrize(
    ("end", "start", "mrr"),
    [
        (date(2025, 3, 31), date(2025, 4, 1), 100),
        (date(2025, 3, 30), date(2025, 4, 1), 0),
        ("2025-03-31", date(2025, 4, 1), 0),
        (date(2025, 3, 31), "2025-04-01", 0),
        (date(2025, 3, 31), "2025-03-31 12:00", 100),
    ],
)
def test_two_days_without_a_clock_that_follow_each_other_leave_no_gap(march, end, start, mrr):
    item = march.sell("a", 100, "2025-01-10", valid_to=end)
    march.item("subscriptions-001", 100, subscription_item_id=item, valid_from=start)
    world = march.build("fct_account_months", "row_warnings")
    assert world.mrr("a") == {"2025-01": 100, "2025-02": 100, "2025-03": mrr, "2025-04": 100}
    is_inclusive = (end, start) == (date(2025, 3, 31), date(2025, 4, 1))
    assert (("subscription_item_versions-001", "inclusive_day") in warnings(world)) == is_inclusive


def test_the_end_of_a_subscription_is_inclusive_where_its_item_goes_on_the_day_after(march):
    ends = {"subscription_item_id": "i", "valid_to": date(2025, 3, 31)}
    march.item(march.subscription("a", "2025-01-10", date(2025, 3, 31)), 100, **ends)
    march.item(march.subscription("a", date(2025, 4, 1)), 100, subscription_item_id="i")
    assert set(march.mrr("a").values()) == {100}


# Trials and offers


@pytest.mark.parametrize(
    ("trial", "mrr"),
    [
        ({"trial_ended_at": "2025-03-15"}, [0, 0, 100, 100]),  # 64 days
        ({"trial_ended_at": "2025-04-12"}, [0, 0, 0, 100]),  # 92 days
        ({"trial_ended_at": "2025-04-13"}, [100, 100, 100, 100]),
        ({"trial_started_at": "2025-01-10", "trial_ended_at": "2025-04-25"}, [0, 0, 0, 100]),
        ({"trial_started_at": "2025-03-10", "trial_ended_at": "2025-04-10"}, [100, 100, 100, 100]),
        ({"trial_started_at": "2025-03-10", "status": "trialing"}, [100, 100, 100, 100]),
        ({"trial_started_at": "2025-04-10", "trial_ended_at": "2025-03-10"}, [100, 100, 100, 100]),
    ],
)
def test_a_trial_given_to_who_paid_already_or_too_long_to_be_one_lowers_nothing(march, trial, mrr):
    march.item(march.subscription("a", "2025-01-10", **trial), 100)
    march.sell("b", 1, "2025-01-10")
    world = march.build("fct_account_months", "row_warnings")
    found = [world.mrr("a").get(f"2025-{month:02}", 0) for month in range(1, 5)]
    assert found == mrr
    assert bool(warnings(world)) == (mrr[0] > 0)


def test_a_second_subscription_may_be_tried_by_who_pays(march):
    march.sell("a", 100, "2025-01-10")
    march.item(march.subscription("a", "2025-03-10", trial_started_at="2025-03-10", trial_ended_at="2025-04-10"), 7)
    assert march.mrr("a") == {"2025-01": 100, "2025-02": 100, "2025-03": 100, "2025-04": 107}


# Corrections and orders that never started


def test_of_versions_that_overlap_the_one_recorded_later_counts_where_it_holds(company):
    def seen(as_of):
        acme = company(as_of)
        item = acme.sell("a", 10_000, "2025-01-01", recorded_at="2025-01-01")
        acme.item("subscriptions-001", 8000, subscription_item_id=item, valid_from="2025-02-10",
                  valid_to="2025-03-10", recorded_at="2025-04-10")  # fmt: skip
        world = acme.build("fct_account_months", "row_warnings")
        return list(world.mrr("a").values()), warnings(world)

    assert seen("2025-04-09") == ([10_000] * 4, set())
    assert seen("2025-04-10") == ([10_000, 8000, 10_000, 10_000], {("subscription_item_versions-001", "superseded")})


def test_versions_that_overlap_with_nothing_to_order_them_are_rejected(march):
    item = march.sell("a", 100, "2025-01-10", recorded_at="2025-01-10")
    march.item("subscriptions-001", 80, subscription_item_id=item, valid_from="2025-02-10", recorded_at="2025-01-10")
    world = march.build("fct_account_months", "quarantined_rows")
    assert world.mrr("a") == {}
    assert {row.rule for row in world.rows("audit.quarantined_rows")} == {"overlapping_versions"}


def test_an_order_withdrawn_before_its_first_day_carries_nothing_and_stops_nothing(march):
    march.item(march.subscription("a", "2025-03-10", "2025-03-01"), 100, valid_to="2025-03-01")
    march.sell("b", 100, "2025-03-10")
    world = march.build("mrr_at_stake", "row_warnings")
    assert world.mrr("a") == {}
    assert warnings(world) == {("subscriptions-001", "never_started")}
    assert world.row("audit.mrr_at_stake", month="2025-04").mrr_at_stake == 0


def test_what_is_known_to_end_or_to_begin_stands_beside_mrr(company):
    acme = company("2026-06-30")
    acme.item(acme.subscription("a", "2026-01-01", "2026-08-01"), 10_000)
    later = acme.subscription("a", "2026-09-01")
    acme.item(later, 5000, recorded_at="2026-06-20")
    acme.item(later, 700)
    acme.item(later, 70, recorded_at="2026-07-01")
    world = acme.build("fct_scheduled_mrr", "fct_account_months")
    assert world.mrr("a")["2026-06"] == 10_000
    rows = [
        (f"{row.month:%Y-%m}", row.scheduled_churn_mrr, row.signed_mrr) for row in world.rows("marts.fct_scheduled_mrr")
    ]
    assert rows == [("2026-08", 10_000, 0), ("2026-09", 0, 5000)]


# Prices


def test_prices_have_twelve_decimals(company):
    acme = company("2025-01-31", currency="USD")
    acme.sell("a", "0.00045", "2025-01-10", quantity=2_000_000, currency="USD")
    acme.sell("b", "0.00004", "2025-01-10", quantity=10_000_000, currency="USD")
    acme.sell("c", "0.000000000001", "2025-01-10", quantity="99999999999999.9999", currency="USD")
    acme.sell("d", "999999.999999999999", "2025-01-10", quantity=1_000_000, currency="USD")
    acme.sell("e", "0.333333333333", "2025-01-10", quantity=3, billing_interval="day", currency="USD")
    world = acme.build("fct_account_months")
    assert [world.mrr(name)["2025-01"] for name in "abcde"] == [
        900, 400, 100, Decimal("1000000000000.00"), Decimal("30.42"),
    ]  # fmt: skip


def test_a_price_that_changes_far_behind_the_point_is_split_exactly(company):
    acme = company("2025-02-28", currency="USD")
    item = acme.sell("a", "4166.666666666667", "2025-01-10", quantity=240, currency="USD", billing_interval="year")
    acme.change(item, "2025-02-10", unit_amount="4583.333333333333", quantity=360)
    world = acme.build("fct_mrr_movements")
    assert world.mrr("a") == {"2025-01": Decimal("83333.33"), "2025-02": 137_500}
    # 120 x 4166.666666666667 / 12, and 360 x 416.666666666666 / 12.
    assert world.reasons("a", "2025-02") == {"seat": Decimal("41666.67"), "price": 12_500}


def test_what_rounds_to_nothing_is_no_mrr_and_no_start(company):
    acme = company("2025-04-30")
    acme.add("exchange_rates", base_currency="USD", rate_date="2025-01-01", rate=150)
    acme.add("exchange_rates", base_currency="USD", rate_date="2025-03-20", rate=200)
    acme.sell("a", "0.003", "2025-01-10", currency="USD")
    acme.sell("b", "0.49", "2025-01-10")
    world = acme.build("dim_accounts", "fct_account_months")
    starts = {row.account_id: row.started_on for row in world.rows("marts.dim_accounts")}
    assert starts == {"a": date(2025, 3, 1), "b": None}
    assert world.mrr("a") == {"2025-03": 1, "2025-04": 1}
    assert world.row("marts.dim_months", month="2025-03")
    assert world.rows("marts.dim_months", month="2025-02") == []


# Early renewals and lineage


def test_a_renewal_before_the_end_takes_over(company):
    acme = company("2025-05-31")
    year = {"billing_interval": "year"}
    acme.item(acme.subscription("a", "2024-04-10", "2025-04-10", subscription_id="old"), 144_000, **year)
    acme.item(acme.subscription("a", "2025-03-15", replaces_subscription_id="old"), 144_000, **year)
    world = acme.build("fct_account_months", "row_warnings")
    assert set(world.mrr("a").values()) == {12_000}
    assert warnings(world) == {("old", "early_renewal")}


def test_a_renewal_takes_over_from_what_has_no_end(march):
    march.sell("a", 100, "2025-01-10")
    march.item(march.subscription("a", "2025-03-15", replaces_subscription_id="subscriptions-001"), 120)
    assert march.mrr("a") == {"2025-01": 100, "2025-02": 100, "2025-03": 120, "2025-04": 120}


def test_two_that_name_each_other_renew_in_the_order_of_their_starts(company):
    acme = company("2025-05-31")
    renewed(acme, "2025-03-25", "2025-04-05")
    acme.tables["subscriptions"][0]["replaces_subscription_id"] = "new"
    acme.item(acme.subscription("b", "2025-01-10", subscription_id="x", replaces_subscription_id="y"), 7)
    acme.item(acme.subscription("b", "2025-01-10", subscription_id="y", replaces_subscription_id="x"), 5)
    world = acme.build("fct_account_months", "row_warnings")
    assert list(world.mrr("a").values()) == [100, 100, 100, 120, 120]
    assert set(world.mrr("b").values()) == {12}
    ignored = {key for key, warning in warnings(world) if warning == "renewal_before_what_it_renews"}
    assert ignored == {"new | old", "x | y", "y | x"}


def test_two_agreements_renewed_as_one_carry_both(company):
    acme = company("2025-05-31")
    for key in ("one", "two"):
        acme.item(acme.subscription("a", "2025-01-10", "2025-03-25", subscription_id=key), 100)
    new = acme.subscription("a", "2025-04-05", replaces_subscription_id="one")
    acme.item(new, 200)
    for old in ("one", "two", "nobody"):
        acme.add("subscription_replacements", subscription_id=new, replaces_subscription_id=old)
    world = acme.build("fct_account_months", "row_warnings")
    assert list(world.mrr("a").values()) == [200] * 5
    assert (f"{new} | nobody", "unknown_replaced_subscription") in warnings(world)


@pytest.mark.parametrize(
    ("bridge", "start", "march_mrr"),
    [
        (("2025-03-25", "2025-04-10"), "2025-04-10", 100),  # no gap
        (("2025-04-04", "2025-04-10"), "2025-04-30", 100),  # 10 and 20 days
        (("2025-04-04", "2025-04-10"), "2025-05-01", 0),  # 10 and 21
        (("2025-03-01", "2025-04-10"), "2025-05-10", 100),  # 0 and 30
    ],
)
def test_lineage_goes_on_through_what_has_no_price_while_the_gaps_add_up_to_the_grace(
    company, bridge, start, march_mrr
):
    for price in (0, None):
        acme = company("2025-05-31")
        acme.item(acme.subscription("a", "2025-01-10", "2025-03-25", subscription_id="old"), 100)
        acme.subscription("a", *bridge, subscription_id="bridge", replaces_subscription_id="old")
        if price is not None:
            acme.item("bridge", price)
        acme.item(acme.subscription("a", start, replaces_subscription_id="bridge"), 120)
        assert acme.mrr("a")["2025-03"] == march_mrr


def test_a_pause_written_twice_holds_to_the_longer_end(company):
    acme = company("2025-05-31")
    subscription = acme.subscription("a", "2025-01-10")
    acme.item(subscription, 100)
    for end in ("2025-03-01", "2025-05-01", "2025-04-01"):
        acme.add("subscription_pauses", subscription_id=subscription, paused_from="2025-02-05", paused_to=end)
    world = acme.build("fct_account_months", "row_warnings")
    assert list(world.mrr("a").values()) == [100, 0, 0, 0, 100]
    assert warnings(world) == {(f"{subscription} | 2025-02-04 15:00:00", "pause_written_twice")}


# Late renewals


def renewed(acme: Company, old_end: str, start: str, replaces: str | None = "old") -> None:
    """Sell 100 to the customer `a` until an end and 120 from a start."""
    acme.item(acme.subscription("a", "2025-01-10", old_end, subscription_id="old"), 100)
    acme.item(acme.subscription("a", start, subscription_id="new", replaces_subscription_id=replaces), 120)


@pytest.mark.parametrize(
    ("start", "march_mrr"),
    [("2025-04-30 09:00", 100), ("2025-04-30 23:00", 100), ("2025-05-01 00:00", 0), ("2025-05-01 09:00", 0)],
)
def test_a_renewal_within_30_local_days_carries_the_old_mrr_over_the_gap(company, start, march_mrr):
    acme = company("2025-05-31")
    renewed(acme, "2025-03-31 10:00", start)
    world = acme.build("fct_account_months")
    assert world.mrr("a")["2025-03"] == march_mrr
    assert ("churn" in world.movements("a").values()) == (march_mrr == 0)


def test_a_renewal_is_not_seen_before_it_has_started(company):
    acme = company("2025-04-15")
    renewed(acme, "2025-03-31 10:00", "2025-04-30 09:00")
    assert acme.mrr("a") == {"2025-01": 100, "2025-02": 100, "2025-03": 0, "2025-04": 0}


def test_a_renewal_without_lineage_is_churn_and_reactivation(company):
    acme = company("2025-04-30")
    renewed(acme, "2025-03-31 10:00", "2025-04-02", replaces=None)
    assert acme.build("fct_account_months").movements("a")["2025-03"] == "churn"


def test_a_renewal_of_an_unknown_subscription_stays_without_lineage(company):
    acme = company("2025-04-30")
    renewed(acme, "2025-03-31 10:00", "2025-04-02", replaces="elsewhere")
    assert acme.mrr("a") == {"2025-01": 100, "2025-02": 100, "2025-03": 0, "2025-04": 120}


def test_the_earliest_of_several_renewals_ends_the_carry(company):
    acme = company("2025-04-30")
    renewed(acme, "2025-02-27 10:00", "2025-03-10")
    acme.item(acme.subscription("a", "2025-03-05", "2025-03-06", replaces_subscription_id="old"), 70)
    assert acme.mrr("a") == {"2025-01": 100, "2025-02": 100, "2025-03": 120, "2025-04": 120}


def test_a_free_renewal_carries_nothing_over(company):
    acme = company("2025-04-30")
    acme.item(acme.subscription("a", "2025-01-10", "2025-03-31 10:00", subscription_id="old"), 100)
    acme.item(acme.subscription("a", "2025-04-05", replaces_subscription_id="old"), 0)
    assert acme.mrr("a")["2025-03"] == 0


def test_a_pause_cuts_what_a_late_renewal_carries(company):
    acme = company("2025-04-30")
    renewed(acme, "2025-03-31 10:00", "2025-04-10")
    acme.add("subscription_pauses", subscription_id="old", paused_from="2025-03-25", paused_to="2025-04-02")
    assert acme.mrr("a") == {"2025-01": 100, "2025-02": 100, "2025-03": 0, "2025-04": 120}


# Currency


def test_a_plan_rate_makes_constant_currency(company):
    acme = company("2025-03-31")
    acme.add("exchange_rates", base_currency="USD", rate_date="2025-01-01", rate=150)
    acme.add("exchange_rates", base_currency="USD", rate_date="2025-01-31", rate=140, rate_type="month_end")
    acme.add("exchange_rates", base_currency="USD", rate_date="2025-03-31", rate=160)
    acme.sell("a", 1000, "2025-01-10", currency="USD")
    assert acme.mrr("a") == {"2025-01": 150_000, "2025-02": 150_000, "2025-03": 160_000}


def test_a_window_values_both_ends_at_the_rate_of_its_last_month(company):
    acme = company("2025-03-31")
    acme.add("exchange_rates", base_currency="USD", rate_date="2024-01-01", rate=150)
    acme.add("exchange_rates", base_currency="USD", rate_date="2025-03-01", rate=160)
    item = acme.sell("a", 1000, "2024-01-10", currency="USD")
    acme.change(item, "2025-03-10", unit_amount=1100)
    world = acme.build("metric_nrr", "metric_nrr_monthly")
    for metric in ("nrr", "nrr_monthly"):
        row = world.metric(metric, "2025-03")
        assert (row.numerator, row.denominator, row.value) == (176_000, 160_000, Decimal("1.1"))


# Whose it is


def test_children_roll_up_to_their_root(march):
    march.account("root")
    march.account("child", parent="root")
    march.account("grandchild", parent="child")
    march.sell("root", 100, "2025-03-10")
    march.sell("grandchild", 70, "2025-04-10")
    world = march.build("fct_mrr_movements")
    assert world.mrr("root") == {"2025-03": 100, "2025-04": 170}
    assert world.reasons("root", "2025-04") == {"seat": 70}
    assert world.mrr("grandchild") == {}


def test_an_internal_account_is_left_out_with_all_below_it_and_counted(march):
    march.account("own", is_internal=True)
    march.account("child", parent="own")
    march.account("root")
    march.account("internal-child", parent="root", is_internal=True)
    for account, unit_amount in (("own", 1), ("child", 10), ("root", 100), ("internal-child", 1000)):
        march.sell(account, unit_amount, "2025-04-10")
    world = march.build("metric_mrr", "publication")
    assert world.value("mrr", "2025-04") == 100
    publication = world.row("audit.publication")
    assert (publication.customers, publication.excluded_accounts) == (1, 3)


def test_start_and_first_zero_are_local_dates_of_instants(company):
    acme = company("2025-06-30")
    acme.sell("a", 100, "2025-05-03 10:00", "2025-05-09 12:00")
    acme.sell("a", 100, "2025-05-20")
    row = acme.build("dim_accounts").row("marts.dim_accounts", account_id="a")
    assert (row.started_on, row.first_zero_on) == (date(2025, 5, 3), date(2025, 5, 9))


# What is known, and which months are shown


def test_a_version_recorded_after_the_as_of_date_is_not_known_yet(march):
    march.sell("a", 100, "2025-03-10", recorded_at="2025-04-30 23:59")
    march.sell("b", 100, "2025-03-10", recorded_at="2025-05-01 00:00")
    world = march.build("fct_account_months")
    assert world.mrr("a") == {"2025-03": 100, "2025-04": 100}
    assert world.mrr("b") == {}


def test_an_end_after_the_as_of_date_is_open_and_a_start_after_it_left_out(company):
    acme = company("2025-03-31")
    acme.sell("a", 100, "2025-03-10", "2025-03-31T15:30:00Z")
    acme.sell("b", 100, "2025-03-31T15:30:00Z")
    world = acme.build("fct_account_months", "dim_accounts")
    assert world.mrr("a") == {"2025-03": 100}
    assert world.mrr("b") == {}
    assert world.row("marts.dim_accounts", account_id="a").first_zero_on is None


def test_the_month_of_the_as_of_date_is_shown_as_of_that_day_and_marked_incomplete(company):
    acme = company("2025-03-15")
    acme.sell("a", 100, "2025-02-10")
    acme.sell("b", 100, "2025-03-16")
    world = acme.build("metric_values")
    months = {f"{row.month:%Y-%m}": row for row in world.rows("marts.dim_months")}
    assert {month: row.is_complete_month for month, row in months.items()} == {"2025-02": True, "2025-03": False}
    assert months["2025-03"].period_end_on == date(2025, 3, 15)
    (mrr,) = world.rows("metrics.metric_values", metric_key="mrr", month="2025-03", segment_type="total")
    assert (mrr.value, mrr.is_complete_month) == (100, False)


def test_the_last_day_of_a_month_makes_it_complete(company):
    acme = company("2025-02-28")
    acme.sell("a", 100, "2025-02-10")
    assert acme.build("dim_months").row("marts.dim_months").is_complete_month


def test_months_begin_with_the_first_at_whose_end_something_paid_is_in_force(company):
    acme = company("2025-05-31")
    acme.sell("a", 0, "2025-01-10")
    acme.sell("b", 100, "2025-02-10", "2025-02-20")
    acme.sell("c", 100, "2025-03-10")
    months = acme.build("dim_months").rows("marts.dim_months")
    assert [f"{row.month:%Y-%m}" for row in months] == ["2025-03", "2025-04", "2025-05"]


def test_without_anything_paid_only_the_month_of_the_as_of_date_is_shown(company):
    acme = company("2025-05-15")
    acme.sell("a", 0, "2025-01-10")
    world = acme.build("metric_mrr")
    assert [f"{row.month:%Y-%m}" for row in world.rows("marts.dim_months")] == ["2025-05"]
    assert world.value("mrr", "2025-05") == 0


# Segments


def test_size_is_that_of_the_months_start_and_a_transfer_moves_who_changed(company):
    acme = company("2025-07-31")
    item = acme.sell("a", 40_000, "2025-05-10")
    acme.change(item, "2025-06-10", unit_amount=400_000)
    world = acme.build("mrr_waterfall")

    def lines(month: str) -> dict:
        rows = world.rows("metrics.mrr_waterfall", month=month, segment_type="size_band")
        amounts = {row.segment_value: (row.segment_transfer_mrr, row.opening_mrr, row.closing_mrr) for row in rows}
        return {band: line for band, line in amounts.items() if any(line)}

    assert lines("2025-05") == {"S": (0, 0, 40_000)}
    assert lines("2025-06") == {"S": (0, 40_000, 400_000)}
    assert lines("2025-07") == {"S": (-400_000, 0, 0), "M": (400_000, 400_000, 400_000)}


@pytest.mark.parametrize(("unit_amount", "band"), [(99_999, "S"), (100_000, "M"), (499_999, "M"), (2_000_000, "XL")])
def test_a_band_begins_at_its_lower_bound(march, unit_amount, band):
    march.sell("a", unit_amount, "2025-03-10")
    world = march.build("dim_account_months")
    assert world.row("marts.dim_account_months", account_id="a", month="2025-04").size_band == band


def test_plan_is_the_tier_of_the_largest_item_and_of_equal_ones_the_higher(march):
    march.sell("a", 100, "2025-03-10", product_id="core-2")
    march.sell("a", 200, "2025-03-10", product_id="core-1")
    march.sell("b", 100, "2025-03-10", product_id="core-2")
    march.sell("b", 100, "2025-03-10", product_id="core-1")
    world = march.build("dim_account_months")
    plans = {row.account_id: row.plan_tier for row in world.rows("marts.dim_account_months", month="2025-04")}
    assert plans == {"a": "1", "b": "2"}


def test_industry_and_country_are_the_roots_and_unknown_when_empty(march):
    march.account("root", industry="Retail")
    march.account("child", parent="root", industry="Finance", country="JP")
    march.sell("child", 100, "2025-04-10")
    row = march.build("dim_account_months").row("marts.dim_account_months", month="2025-04")
    assert (row.industry, row.country) == ("Retail", "unknown")


def test_a_window_metric_stands_in_the_segment_of_the_windows_start(company):
    acme = company("2025-03-31")
    item = acme.sell("a", 40_000, "2024-03-10")
    acme.change(item, "2024-06-10", unit_amount=400_000)
    world = acme.build("metric_nrr")
    assert world.metric("nrr", "2025-03", "size_band", "S").value == 10
    assert {
        row.segment_value for row in world.rows("metrics.metric_nrr", month="2025-03", segment_type="size_band")
    } == {"S"}
