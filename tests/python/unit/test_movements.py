"""What a customer's MRR did in a month, and why: one test a row of the truth table, one a rule of the reasons."""

from collections.abc import Callable

import pytest
from builders import Company, World

MONTHS = ("2025-01", "2025-02", "2025-03", "2025-04")
AMOUNTS = ("new_mrr", "reactivation_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr", "fx_mrr")


@pytest.fixture
def history(company: Callable[..., Company]) -> Callable[..., World]:
    """Makes the customer `a`, whose MRR at the ends of January 2025 and after is as given."""

    def build(*closings: int) -> World:
        acme = company("2025-04-30")
        item = acme.sell("a", closings[0], "2025-01-10")
        for month, closing in zip(MONTHS[1:], closings[1:], strict=False):
            acme.change(item, f"{month}-10", unit_amount=closing)
        return acme.build("fct_account_months")

    return build


def moved(world: World, month: str) -> dict[str, object]:
    """Give the word for a month and the amounts that are not zero."""
    row = world.row("marts.fct_account_months", account_id="a", month=month)
    assert row.opening_mrr + row.new_mrr + row.reactivation_mrr + row.expansion_mrr + row.fx_mrr == (
        row.closing_mrr + row.contraction_mrr + row.churned_mrr
    )
    return {"movement": row.movement_type} | {name: getattr(row, name) for name in AMOUNTS if getattr(row, name)}


# The truth table


def test_no_mrr_before_and_none_now_is_no_movement(history):
    assert moved(history(100, 0, 0), "2025-03") == {"movement": "none"}


def test_the_first_mrr_of_a_customer_is_new(history):
    assert moved(history(100), "2025-01") == {"movement": "new", "new_mrr": 100}


def test_mrr_after_none_is_reactivation_when_the_customer_paid_before(history):
    assert moved(history(100, 0, 80), "2025-03") == {"movement": "reactivation", "reactivation_mrr": 80}


def test_no_mrr_after_some_is_churn(history):
    assert moved(history(100, 0), "2025-02") == {"movement": "churn", "churned_mrr": 100}


def test_the_same_mrr_is_no_movement(history):
    assert moved(history(100, 100), "2025-02") == {"movement": "none"}


def test_higher_mrr_is_expansion(history):
    assert moved(history(100, 130), "2025-02") == {"movement": "expansion", "expansion_mrr": 30}


def test_lower_mrr_that_is_not_zero_is_contraction(history):
    assert moved(history(100, 70), "2025-02") == {"movement": "contraction", "contraction_mrr": 30}


def test_what_would_make_mrr_negative_is_rejected_and_kept(company):
    acme = company("2025-01-31")
    subscription = acme.subscription("a", "2025-01-10")
    acme.item(subscription, -1, subscription_item_id="negative")
    acme.item(subscription, 100, discount_amount=101, discount_kind="recurring", subscription_item_id="above")
    world = acme.build("fct_account_months")
    rejected = world.rows("staging.base_subscription_item_versions")
    assert {row.subscription_item_id: row.rejection_rule for row in rejected} == {
        "negative": "negative_amount",
        "above": "discount_above_line",
    }
    assert world.mrr("a") == {}


def test_rows_begin_with_the_first_month_that_holds_mrr_and_go_on_without_it(company):
    acme = company("2025-04-30")
    acme.sell("first", 100, "2025-01-10")
    acme.sell("a", 100, "2025-02-10", "2025-03-10")
    assert acme.build("fct_account_months").movements("a") == {"2025-02": "new", "2025-03": "churn", "2025-04": "none"}


def test_mrr_gone_before_the_month_end_leaves_the_next_one_new(company):
    acme = company("2025-03-31")
    acme.sell("first", 100, "2025-01-10")
    acme.sell("a", 100, "2025-01-10", "2025-01-20")
    acme.sell("a", 100, "2025-03-10")
    assert acme.build("fct_account_months").movements("a") == {"2025-03": "new"}


# A plan rate that changes


def test_a_new_plan_rate_revalues_the_opening_and_is_no_movement(company):
    acme = company("2025-04-30")
    acme.add("exchange_rates", base_currency="USD", rate_date="2025-01-01", rate=150)
    acme.add("exchange_rates", base_currency="USD", rate_date="2025-04-01", rate=160)
    acme.sell("a", 1000, "2025-01-10", currency="USD")
    world = acme.build("fct_mrr_movements")
    assert world.mrr("a")["2025-03"] == 150_000
    assert moved(world, "2025-04") == {"movement": "none", "fx_mrr": 10_000}
    (fx,) = world.rows("marts.fct_mrr_movements", account_id="a", month="2025-04")
    assert (fx.movement_type, fx.reason, fx.amount_mrr) == ("fx", None, 10_000)


def test_an_expansion_is_measured_from_the_revalued_opening(company):
    acme = company("2025-04-30")
    acme.add("exchange_rates", base_currency="USD", rate_date="2025-01-01", rate=150)
    acme.add("exchange_rates", base_currency="USD", rate_date="2025-04-01", rate=160)
    item = acme.sell("a", 1000, "2025-01-10", currency="USD")
    acme.change(item, "2025-04-10", unit_amount=1200)
    assert moved(acme.build("fct_account_months"), "2025-04") == {
        "movement": "expansion",
        "fx_mrr": 10_000,
        "expansion_mrr": 32_000,
    }


# Why MRR rose or fell


@pytest.fixture
def changing(company: Callable[..., Company]) -> Company:
    """A company as of February 2025: what was sold in January and changed in February has reasons."""
    return company("2025-02-28")


def reasons(acme: Company) -> dict[str, int]:
    """Give the reasons of February's movement of the customer `a`; they sum to it exactly."""
    world = acme.build("fct_mrr_movements")
    found = world.reasons("a", "2025-02")
    mrr = world.mrr("a")
    assert sum(found.values()) == mrr["2025-02"] - mrr["2025-01"]
    return found


def test_more_seats_at_a_higher_price_are_seat_and_price(changing):
    item = changing.sell("a", 100, "2025-01-10", quantity=10)
    changing.change(item, "2025-02-10", quantity=12, unit_amount=110)
    assert reasons(changing) == {"seat": 200, "price": 120}


def test_fewer_seats_at_a_higher_price_are_one_contraction(changing):
    item = changing.sell("a", 100, "2025-01-10", quantity=10)
    changing.change(item, "2025-02-10", quantity=8, unit_amount=120)
    assert reasons(changing) == {"seat": -200, "price": 160}
    assert moved(changing.build("fct_account_months"), "2025-02") == {"movement": "contraction", "contraction_mrr": 40}


def test_another_product_of_the_family_on_the_same_item_is_tier(changing):
    item = changing.sell("a", 1000, "2025-01-10", quantity=5)
    changing.change(item, "2025-02-10", product_id="core-2", quantity=6, unit_amount=1500)
    assert reasons(changing) == {"seat": 1000, "tier": 3000}


def test_another_product_of_the_family_on_another_item_is_tier_too(changing):
    changing.sell("a", 1000, "2025-01-10", "2025-02-10", quantity=5)
    changing.sell("a", 1500, "2025-02-10", quantity=6, product_id="core-2")
    assert reasons(changing) == {"seat": 1000, "tier": 3000}


def test_a_family_not_held_before_is_cross_sell(changing):
    changing.sell("a", 1000, "2025-01-10")
    changing.sell("a", 400, "2025-02-10", quantity=3, product_id="analytics")
    assert reasons(changing) == {"cross_sell": 1200}


def test_a_family_not_held_after_is_cross_sell_lost(changing):
    changing.sell("a", 1000, "2025-01-10")
    changing.sell("a", 400, "2025-01-10", "2025-02-10", quantity=3, product_id="analytics")
    assert reasons(changing) == {"cross_sell": -1200}


def test_a_product_not_held_before_in_a_family_that_was_is_tier(changing):
    changing.sell("a", 1000, "2025-01-10")
    changing.sell("a", 1500, "2025-02-10", product_id="core-2")
    assert reasons(changing) == {"tier": 1500}


def test_one_more_item_of_a_product_that_was_held_is_seat(changing):
    changing.sell("a", 1000, "2025-01-10")
    changing.sell("a", 900, "2025-02-10")
    assert reasons(changing) == {"seat": 900}


def test_a_recurring_discount_that_falls_away_is_discount(changing):
    item = changing.sell("a", 100, "2025-01-10", quantity=10, discount_amount=150, discount_kind="recurring")
    changing.change(item, "2025-02-10", discount_amount=None, discount_kind=None)
    assert reasons(changing) == {"discount": 150}


def test_a_limited_discount_moves_nothing(changing):
    item = changing.sell("a", 100, "2025-01-10", quantity=10, discount_amount=150, discount_kind="limited")
    changing.change(item, "2025-02-10", quantity=11, discount_amount=None, discount_kind=None)
    assert reasons(changing) == {"seat": 100}


def test_a_new_billing_interval_at_the_same_monthly_price_moves_nothing(changing):
    item = changing.sell("a", 100, "2025-01-10", quantity=10)
    changing.change(item, "2025-02-10", billing_interval="year", unit_amount=1200)
    assert reasons(changing) == {}


def test_items_are_matched_by_id_before_product_and_by_product_before_family(changing):
    kept = changing.sell("a", 100, "2025-01-10", quantity=10, subscription_item_id="z-kept")
    changing.sell("a", 200, "2025-01-10", "2025-02-10", quantity=10, product_id="core-2", subscription_item_id="old")
    changing.sell("a", 300, "2025-02-10", quantity=10, product_id="core-2", subscription_item_id="a-new")
    changing.change(kept, "2025-02-10", quantity=11)
    assert reasons(changing) == {"seat": 100, "price": 1000}


def test_several_candidates_pair_in_the_order_of_their_item_ids(changing):
    for item, quantity, unit_amount in (("a1", 10, 100), ("a2", 10, 200)):
        changing.sell("a", unit_amount, "2025-01-10", "2025-02-10", quantity, subscription_item_id=item)
    for item, quantity, unit_amount in (("b2", 12, 200), ("b1", 10, 200)):
        changing.sell("a", unit_amount, "2025-02-10", quantity=quantity, subscription_item_id=item)
    assert reasons(changing) == {"price": 1000, "seat": 400}


def test_an_item_that_changes_family_is_removed_and_added(changing):
    changing.sell("a", 100, "2025-01-10")
    item = changing.sell("a", 500, "2025-01-10")
    changing.change(item, "2025-02-10", product_id="analytics", unit_amount=800)
    assert reasons(changing) == {"seat": -500, "cross_sell": 800}


def test_an_item_that_is_paused_or_resumed_is_pause(company):
    acme = company("2025-03-31")
    acme.sell("a", 100, "2025-01-10")
    subscription = acme.subscription("a", "2025-01-10")
    item = acme.item(subscription, 50)
    acme.add("subscription_pauses", subscription_id=subscription, paused_from="2025-02-10", paused_to="2025-03-10")
    acme.change(item, "2025-02-20", unit_amount=70)
    world = acme.build("fct_mrr_movements")
    assert world.reasons("a", "2025-02") == {"pause": -50}
    assert world.reasons("a", "2025-03") == {"pause": 70}


def test_a_paused_item_that_changes_is_nothing_and_counts_as_held(changing):
    changing.sell("a", 100, "2025-01-10")
    subscription = changing.subscription("a", "2025-01-10")
    paused = changing.item(subscription, 50, product_id="analytics")
    changing.add("subscription_pauses", subscription_id=subscription, paused_from="2025-01-20")
    changing.change(paused, "2025-02-10", unit_amount=70)
    changing.sell("a", 400, "2025-02-10", product_id="analytics")
    assert reasons(changing) == {"seat": 400}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # A year's prices: 8.33 and 16.67 a month are 8 and 17; the seat's 8.33 is 8, and 1 remains.
        pytest.param({}, {"quantity": 2}, {"seat": 9}, id="seat"),
        # From 8 to 20: seat 8.33 is 8, price 3.33 is 3, and 1 remains.
        pytest.param({}, {"quantity": 2, "unit_amount": 120}, {"seat": 8, "price": 4}, id="price before seat"),
        pytest.param(
            {},
            {"quantity": 2, "unit_amount": 120, "product_id": "core-2"},
            {"seat": 8, "tier": 4},
            id="tier before seat",
        ),
        # From 4 to 17: seat 8.33 is 8, discount 4.17 is 4, and 1 remains.
        pytest.param(
            {"discount_amount": 50},
            {"quantity": 2, "discount_amount": 0},
            {"seat": 9, "discount": 4},
            id="seat before discount",
        ),
        # From 3.83 to 8.33, so from 4 to 8: the discount's 4.5 is 5, and -1 remains.
        pytest.param({"discount_amount": 54}, {"discount_amount": 0}, {"discount": 4}, id="discount"),
        # From 8.3 to 8.5, so from 8 to 9: no part is anything, and 1 remains.
        pytest.param({"unit_amount": "99.6"}, {"unit_amount": 102}, {"price": 1}, id="price when all are zero"),
    ],
)
def test_a_rounding_remainder_goes_to_the_first_part_that_is_not_zero(changing, before, after, expected):
    terms = {"unit_amount": 100, "billing_interval": "year", "discount_kind": "recurring"} | before
    item = changing.sell("a", start="2025-01-10", **terms)
    changing.change(item, "2025-02-10", **after)
    assert reasons(changing) == expected


# Why MRR went away


def churn(acme: Company, month: str = "2025-02") -> tuple[str, str | None]:
    """Give the reason of the customer's churn, and the reason given for the end."""
    row = acme.build("fct_account_months").row("marts.fct_account_months", account_id="a", month=month)
    assert row.movement_type == "churn"
    return row.churn_reason, row.cancel_reason


@pytest.mark.parametrize("kind", ["voluntary", "involuntary"])
def test_churn_is_of_the_kind_of_the_subscription_that_ended(changing, kind):
    subscription = changing.subscription("a", "2025-01-10", "2025-02-10", cancel_kind=kind, cancel_reason="too dear")
    changing.item(subscription, 100)
    assert churn(changing) == (kind, "too dear")


def test_churn_of_no_kind_is_unknown(changing):
    changing.sell("a", 100, "2025-01-10", "2025-02-10")
    assert churn(changing) == ("unknown", None)


def test_churn_of_a_paused_customer_is_pause(changing):
    subscription = changing.subscription("a", "2025-01-10", cancel_kind="voluntary")
    changing.item(subscription, 100)
    changing.add("subscription_pauses", subscription_id=subscription, paused_from="2025-02-10")
    assert churn(changing) == ("pause", None)


def test_of_several_subscriptions_the_one_that_ended_last_gives_the_reason(changing):
    for subscription, end, kind in (("s1", "2025-02-20", "involuntary"), ("s2", "2025-02-10", "voluntary")):
        changing.subscription("a", "2025-01-10", end, subscription_id=subscription, cancel_kind=kind)
        changing.item(subscription, 100)
    assert churn(changing) == ("involuntary", None)


def test_of_subscriptions_that_ended_at_once_the_higher_key_gives_the_reason(changing):
    for subscription, kind in (("s2", "involuntary"), ("s1", "voluntary")):
        changing.subscription("a", "2025-01-10", "2025-02-10", subscription_id=subscription, cancel_kind=kind)
        changing.item(subscription, 100)
    assert churn(changing) == ("involuntary", None)


# What customers took more of


def test_upsell_is_more_seats_and_higher_tiers_on_the_whole_and_cross_sell_another_family(company):
    acme = company("2025-02-28")
    items = {account: acme.sell(account, 100, "2025-01-10", quantity=10) for account in "abcdeg"}
    acme.change(items["a"], "2025-02-10", quantity=12)
    acme.change(items["b"], "2025-02-10", unit_amount=110)  # a price is no sale
    acme.change(items["c"], "2025-02-10", product_id="core-2", quantity=4, unit_amount=150)  # 6 seats less, 200 by tier
    acme.sell("d", 300, "2025-02-10", product_id="analytics")
    acme.change(items["e"], "2025-02-10", quantity=11)
    acme.sell("e", 50, "2025-02-10", product_id="analytics")
    acme.sell("f", 700, "2025-02-10")
    acme.change(items["g"], "2025-02-10", unit_amount=0)
    world = acme.build("metric_values")
    found = {key: world.metric(key, "2025-02") for key in SALES}
    assert {key: (row.numerator, row.denominator) for key, row in found.items()} == SALES


# Numerator and denominator: a, e of six; d, e; a, d, e; 200 + 100 of 6,000; 300 + 50; f.
SALES = {
    "upsell_rate": (2, 6),
    "cross_sell_rate": (2, 6),
    "upsell_cross_sell_rate": (3, 6),
    "upsell_mrr_rate": (300, 6000),
    "cross_sell_mrr_rate": (350, 6000),
    "new_customers": (1, None),
    "new_mrr": (700, None),
}
