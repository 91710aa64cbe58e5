"""Bad, late, changed and deleted rows: what they may do to figures (nothing), and how each is accounted for.

Four worlds of 50 small companies are dirtied in every run; KEIZOKU_TEST_EXAMPLES=250 asks for ten times as many.
"""

import json
import os
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from builders import Warehouse, World, inventions
from builders.dirt import CONTRACT, COUNTS, SECRET, DirtyWorld, faults, invent_dirty
from builders.warehouse import write_raw

WORLDS = max(4 * int(os.environ.get("KEIZOKU_TEST_EXAMPLES", "25")) // 25, 1)
COMPANIES = 50


def figures(world: World) -> dict[str, list[tuple]]:
    """Give every row of every figure that readers get."""
    tables = world.query(
        "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('marts', 'metrics')"
    )
    return {table: world.query(f"select * from {table} order by all") for (table,) in tables}


@pytest.fixture(scope="module", params=range(WORLDS))
def dirty(request, warehouse: Warehouse, tmp_path_factory) -> tuple[DirtyWorld, World, Path]:
    """A world of dirty companies, what was built of it from its raw files, and these."""
    random = Random(request.param)
    world = invent_dirty(random, inventions.invent_settings(random), COMPANIES)
    folder = tmp_path_factory.mktemp("dirty")
    return world, warehouse.build_judged(warehouse.judge(world.raw(), world.settings, folder)), folder


def test_every_rule_of_every_table_is_broken_somewhere(dirty, warehouse):
    world, _, _ = dirty
    for table in CONTRACT:
        rules = set(re.findall(r"then '(\w+)'|'(\w+)' as cycle_rule", warehouse.sql(f"base_{table}")))
        assert {first or second for first, second in rules} == set(faults(table)), table
        assert all(world.planted[table, rule] for rule in faults(table)), table


def test_the_figures_are_those_of_the_world_without_the_bad_rows(dirty, warehouse):
    world, built, folder = dirty
    clean = warehouse.build_folder(write_raw(folder / "clean", world.clean()), world.settings)
    assert clean.query("select * from audit.quarantined_rows") == []
    expected, found = figures(clean), figures(built)
    assert found.keys() == expected.keys()
    for table, rows in expected.items():
        assert found[table] == rows, table


def test_the_second_opinion_judges_bad_rows_alike(dirty):
    _, built, _ = dirty
    assert built.query("select * from reconciliation.recomputed_differences limit 5") == []


def test_exactly_the_bad_rows_are_quarantined_each_with_the_first_rule_that_it_breaks(dirty):
    world, built, _ = dirty
    found, expected = (
        Counter(built.query("select table_name, row_key, rule from audit.quarantined_rows")),
        world.quarantine(),
    )
    assert (found - expected, expected - found) == (Counter(), Counter())


def test_every_row_that_was_read_is_accounted_for(dirty, warehouse):
    world, built, _ = dirty
    assert built.query(f"select {COUNTS} from audit.row_counts order by table_name") == world.counts()
    assert built.query(warehouse.data_tests["assert_every_row_read_is_accounted_for"]) == []


def test_nothing_personal_is_in_the_quarantine(dirty):
    _, built, _ = dirty
    rows = built.query("select table_name, row_key, row_text from audit.quarantined_rows")
    personal = {table: [c.name for c in CONTRACT[table].columns if c.is_personal] for table in CONTRACT}
    for table, key, text in rows:
        assert SECRET not in key + text
        if len(text) < 2000:
            assert {json.loads(text)[name] for name in personal[table]} <= {"***", None}


def audit(world: World, relation: str, table: str) -> SimpleNamespace:
    """Give what is known about one raw table."""
    (row,) = (row for row in world.rows(f"audit.{relation}") if row.table_name == table)
    return row


# Late, changed and deleted rows


def used(world: World, account: str) -> dict[str, int]:
    """Give the events of the 28 days that end with each month."""
    return {f"{row.month:%Y-%m}": row.event_count for row in world.rows("marts.fct_usage_months", account_id=account)}


def test_usage_that_arrives_late_lands_in_its_own_day(company):
    acme = company("2025-05-31")
    acme.sell("a", 100, "2025-03-01")
    acme.use("a", "2025-03-20 10:00", "2025-05-20 10:00", _loaded_at="2025-05-20 12:00")
    assert used(acme.build("fct_usage_months"), "a") == {"2025-03": 1, "2025-04": None, "2025-05": 1}
    acme.use("a", "2025-04-20 10:00", "2025-03-20 11:00", _loaded_at="2025-05-31 23:00")
    assert used(acme.build("fct_usage_months"), "a") == {"2025-03": 2, "2025-04": 1, "2025-05": 1}


def test_a_corrected_version_replaces_the_old_one_once_it_is_known(company):
    def seen(as_of):
        acme = company(as_of)
        acme.sell("a", 100, "2025-03-01", item_version_id="v", subscription_item_id="i", recorded_at="2025-03-01")
        (first,) = acme.tables["subscription_item_versions"]
        acme.add("subscription_item_versions", **first | {"unit_amount": 70, "recorded_at": "2025-04-10 09:00"})
        world = acme.build("fct_account_months", "row_counts")
        return world.mrr("a"), audit(world, "row_counts", "subscription_item_versions")

    before, counts = seen("2025-04-09")
    assert before == {"2025-03": 100, "2025-04": 100}
    assert (counts.read, counts.accepted, counts.duplicate) == (2, 2, 0)
    after, counts = seen("2025-04-10")
    assert after == {"2025-03": 70, "2025-04": 70}
    assert (counts.read, counts.accepted, counts.duplicate) == (2, 1, 1)


def test_of_two_states_of_a_row_the_one_updated_last_counts_in_whatever_order_they_come(company):
    for order in (1, -1):
        acme = company("2025-03-31")
        acme.sell("a", 100, "2025-03-01", subscription_item_id="i", item_version_id="v", _updated_at="2025-03-02")
        (old,) = acme.tables["subscription_item_versions"]
        acme.add("subscription_item_versions", **old | {"unit_amount": 70, "_updated_at": "2025-03-03"})
        acme.tables["subscription_item_versions"].sort(key=lambda row, order=order: order * row["unit_amount"])
        assert acme.mrr("a") == {"2025-03": 70}


def test_soft_deleted_rows_leave_the_figures_and_are_counted(company):
    acme = company("2025-03-31")
    acme.sell("a", 100, "2025-03-01")
    acme.sell("a", 11, "2025-03-01", _is_deleted=True)
    gone = acme.subscription("b", "2025-03-01", _is_deleted=True)
    acme.item(gone, 1000)
    world = acme.build()
    assert world.mrr("a") == {"2025-03": 100}
    assert world.mrr("b") == {}
    subscriptions, versions = (
        audit(world, "row_counts", table) for table in ("subscriptions", "subscription_item_versions")
    )
    assert (subscriptions.read, subscriptions.deleted) == (3, 1)
    assert (versions.read, versions.accepted, versions.deleted, versions.rejected) == (3, 1, 1, 1)
    # What the source deleted is not at stake, and neither is what it left hanging on it.
    assert world.row("audit.mrr_at_stake", month="2025-03").mrr_at_stake == 0


def test_nothing_of_an_earlier_refresh_lingers(company, warehouse, tmp_path):
    acme = company("2025-03-31")
    acme.sell("a", 100, "2025-03-01")
    acme.sell("b", 50, "2025-03-01")
    raw = write_raw(tmp_path / "raw", acme.tables)
    assert warehouse.build_folder(raw, acme.settings, ["fct_account_months"]).mrr("b") == {"2025-03": 50}
    only_a = company("2025-03-31")
    only_a.sell("a", 60, "2025-03-01")
    write_raw(raw, only_a.tables)
    world = warehouse.build_folder(raw, only_a.settings, ["fct_account_months"])
    assert (world.mrr("a"), world.mrr("b")) == ({"2025-03": 60}, {})


# Limits


def over_limit(warehouse: Warehouse, world: World) -> list[tuple]:
    """Give what stops a run because of rejected rows."""
    return world.query(warehouse.data_tests["assert_rejects_are_within_limits"])


@pytest.mark.parametrize(("bad", "good", "stops"), [(20, 1, False), (21, 399, False), (21, 398, True), (1, 0, True)])
def test_a_run_stops_when_a_table_loses_more_than_20_rows_and_more_than_5_percent_or_all(
    company, warehouse, bad, good, stops
):
    tables = ("row_counts", "quarantined_rows", "base_users")
    for accept_rejects in (False, True):
        acme = company("2025-03-31", accept_rejects=accept_rejects)
        for number in range(bad + good):
            currency, end = "ZZZ" if 0 < number < bad else "JPY", "2025-12-31" if number else "2024-01-01"
            acme.add("contracts", account_id="a", start_date="2025-01-01", end_date=end, currency=currency)
        found = over_limit(warehouse, acme.build(*tables))
        assert bool(found) == (stops and not accept_rejects)
    if stops:
        world = company("2025-03-31")
        world.tables = acme.tables
        ((table, read, rejected, share, are_all),) = over_limit(warehouse, world.build(*tables))
        assert (table, read, rejected) == ("contracts", bad + good, bad)
        assert (float(share), are_all) == (1 if not good else pytest.approx(0.0501, abs=1e-4), not good)


def test_a_run_stops_at_any_pause_rate_or_internal_user_that_is_lost(company, warehouse):
    tables = ("row_counts", "quarantined_rows", "base_users")

    def lost(table: str, bad: dict, good: dict) -> list[str]:
        acme = company("2025-03-31")
        paying = acme.subscription("a", "2025-01-01")
        acme.item(paying, 100)
        if table == "subscription_pauses":
            bad, good = {"subscription_id": paying} | bad, {"subscription_id": paying} | good
        for _ in range(99):
            acme.add(table, **good)
        acme.add(table, **bad)
        return [row[0] for row in over_limit(warehouse, acme.build(*tables))]

    pauses, rates = ("subscription_pauses", {"paused_from": "2025-02-01"}), ("exchange_rates", {"rate": "150"})
    backwards = {"paused_from": "2025-02-02", "paused_to": "2025-02-01"}
    assert lost(pauses[0], backwards, pauses[1]) == ["subscription_pauses"]
    assert lost(pauses[0], pauses[1] | {"subscription_id": "nobody's"}, pauses[1]) == []
    rate = {"rate_date": "2025-01-01", "base_currency": "USD", "quote_currency": "JPY", "rate_type": "plan"}
    assert lost(rates[0], rate | {"rate": "0"}, rate | rates[1]) == ["exchange_rates"]
    user = {"account_id": "a", "activated_at": "2025-01-02"}
    early = {"deactivated_at": "2025-01-01"}
    assert lost("users", user | early | {"is_internal": True}, user | {"is_internal": False}) == ["users"]
    assert lost("users", user | early | {"is_internal": False}, user | {"is_internal": False}) == []


def at_stake(company, sales: dict[str, dict], **settings: object) -> tuple[World, object]:
    """Build a company that sells 98,000 a month to one customer and something bad to others."""
    acme = company("2025-03-31", **settings)
    acme.sell("good", 98_000, "2025-01-01")
    for account, columns in sales.items():
        acme.sell(account, **{"unit_amount": 2000, "start": "2025-01-01"} | columns)
    world = acme.build("mrr_at_stake", "quarantined_rows")
    return world, world.row("audit.mrr_at_stake", month="2025-02")


def stops(warehouse: Warehouse, world: World) -> bool:
    """Tell whether a run stops because of the MRR of rejected billing rows."""
    return bool(world.query(warehouse.data_tests["assert_rejected_billing_rows_hold_little_mrr"]))


def test_a_run_stops_when_customers_with_a_rejected_billing_row_hold_more_than_2_percent_of_mrr(company, warehouse):
    world, row = at_stake(company, {"bad": {"unit_amount": -2000}})
    assert (row.closing_mrr, row.rejected_mrr, row.mrr_at_stake, row.customers_at_stake) == (98_000, 2000, 2000, 1)
    assert not stops(warehouse, world)
    world, row = at_stake(company, {"bad": {"unit_amount": -2001}})
    assert stops(warehouse, world)
    failing = world.query(warehouse.data_tests["assert_rejected_billing_rows_hold_little_mrr"])
    assert {str(month) for month, *_ in failing} == {"2025-01-01", "2025-02-01", "2025-03-01"}
    rows = world.query("select table_name, rule, column_name, value_found from audit.quarantined_rows")
    assert rows == [("subscription_item_versions", "negative_amount", "unit_amount", "-2001")]
    world, _ = at_stake(company, {"bad": {"unit_amount": -2001}}, accept_rejects=True)
    assert not stops(warehouse, world)


def test_a_subscription_that_lives_on_below_a_deleted_account_is_at_stake(company, warehouse):
    acme = company("2025-03-31")
    acme.sell("a", 10_000, "2025-01-01")
    acme.account("merged", _is_deleted=True)
    acme.sell("merged", 90_000, "2025-01-01")
    acme.account("gone", _is_deleted=True)
    acme.item(acme.subscription("gone", "2025-01-01", _is_deleted=True), 90_000)
    world = acme.build("mrr_at_stake", "quarantined_rows")
    row = world.row("audit.mrr_at_stake", month="2025-02")
    assert (row.closing_mrr, row.rejected_mrr, row.mrr_at_stake, row.customers_at_stake) == (10_000, 90_000, 90_000, 1)
    assert stops(warehouse, world)


@pytest.mark.parametrize(("good", "stopped"), [(49, False), (48, True)])
def test_customers_whose_rejected_rows_nobody_can_value_count_by_their_number(company, warehouse, good, stopped):
    acme = company("2025-03-31")
    for number in range(good):
        acme.sell(f"good-{number:02}", 10_000, "2025-01-01")
    acme.sell("bad", 10_000, "2025-02-10", billing_interval="quarter")
    world = acme.build("mrr_at_stake", "quarantined_rows")
    rows = world.rows("audit.mrr_at_stake")
    assert [(row.unvalued_customers, row.customers) for row in rows] == [(0, good), (1, good + 1), (1, good + 1)]
    assert {row.mrr_at_stake for row in rows} == {0}
    assert stops(warehouse, world) == stopped


def test_all_mrr_of_a_customer_is_at_stake_also_in_months_before_the_bad_row(company):
    acme = company("2025-03-31")
    item = acme.sell("a", 5000, "2025-01-01")
    acme.change(item, "2025-03-01", currency="XYZ")
    acme.account("child", parent="a")
    acme.sell("child", 300, "2025-01-01", quantity=3)
    acme.account("odd", parent="a", billing_currency="XYZ")
    world = acme.build("mrr_at_stake")
    stakes = [(row.mrr_at_stake, row.rejected_mrr) for row in world.rows("audit.mrr_at_stake")]
    assert stakes == [(5900, 0), (5900, 0), (900, 0)]


@pytest.mark.parametrize(
    ("columns", "rejected"),
    [
        ({"unit_amount": -100, "quantity": 3}, 300),
        ({"unit_amount": 1200, "billing_interval": "year", "interval_count": 0}, 100),
        ({"discount_kind": "recurring", "discount_amount": 2001}, 2000),
        ({"discount_kind": "recurring", "discount_amount": 1999, "product_id": "nothing"}, 1),
        ({"currency": "USD", "product_id": "nothing"}, 300_000),
        ({"currency": "EUR", "product_id": "nothing"}, 0),
        ({"valid_to": "2024-12-01"}, 2000),
        ({"valid_to": "2025-01-31 23:59:59", "product_id": "nothing"}, 0),
        ({"valid_from": "2025-03-01", "product_id": "nothing"}, 0),
        ({"product_id": "calls", "unit_amount": -5}, 0),
        ({"billing_interval": "quarter"}, 0),
        ({"quantity": 10**13, "unit_amount": 10**13}, 0),
    ],
)
def test_a_rejected_version_carries_what_can_be_computed_of_it(company, columns, rejected):
    acme = company("2025-03-31")
    acme.add("exchange_rates", rate_date="2025-01-01", base_currency="USD", rate="150")
    acme.sell("good", 1, "2025-01-01")
    acme.sell("bad", **{"unit_amount": 2000, "start": "2025-01-01"} | columns)
    world = acme.build("mrr_at_stake")
    assert world.row("audit.mrr_at_stake", month="2025-02").rejected_mrr == rejected


def test_versions_that_contradict_each_other_carry_the_largest(company):
    acme = company("2025-03-31")
    acme.sell("good", 1, "2025-01-01")
    item = acme.sell("bad", 2000, "2025-01-01")
    acme.change(item, "2025-02-01", unit_amount=3000, valid_from="2025-01-15")
    assert acme.build("mrr_at_stake").row("audit.mrr_at_stake", month="2025-02").rejected_mrr == 3000


def test_an_older_state_tells_what_a_row_carried_whose_latest_state_is_bad(company):
    acme = company("2025-03-31")
    acme.sell("good", 1, "2025-01-01")
    acme.sell("bad", 2000, "2025-01-01", item_version_id="v", subscription_item_id="i")
    old = acme.tables["subscription_item_versions"][-1]
    acme.add("subscription_item_versions", **old | {"unit_amount": None, "_updated_at": "2025-03-01"})
    assert acme.build("mrr_at_stake").row("audit.mrr_at_stake", month="2025-02").rejected_mrr == 2000


def test_a_rejected_account_or_subscription_takes_its_items_along_and_internal_ones_are_not_at_stake(company):
    acme = company("2025-03-31")
    acme.sell("good", 1, "2025-01-01")
    acme.account("odd", billing_currency="XYZ")
    acme.sell("odd", 10, "2025-01-01")
    acme.item(acme.subscription("strange", "2025-01-01", status="unheard of"), 100)
    acme.account("own", is_internal=True)
    acme.sell("own", -1000, "2025-01-01")
    acme.account("odd-own", is_internal=True, billing_currency="XYZ")
    acme.sell("odd-own", 1000, "2025-01-01")
    row = acme.build("mrr_at_stake").row("audit.mrr_at_stake", month="2025-02")
    assert (row.rejected_mrr, row.mrr_at_stake, row.customers_at_stake) == (110, 110, 2)


def test_the_largest_lines_that_are_accepted_can_be_computed(company):
    acme = company("2025-03-31")
    item = acme.sell("a", 10**6, "2025-01-01", quantity=10**6, billing_interval="day", interval_count=3660)
    acme.change(item, "2025-02-01", quantity=1, unit_amount=10**12, interval_count=30)
    acme.change(item, "2025-03-01", quantity=10**12, unit_amount=1, product_id="core-2")
    world = acme.build()
    assert world.query("select * from audit.quarantined_rows") == []
    assert min(world.mrr("a").values()) > 0


# Doubtful rows, and how new they are


def test_rows_that_were_read_with_an_opinion_are_listed(company):
    acme = company("2025-05-31")
    paused = acme.subscription("a", "2025-01-01", status="paused")
    known_pause = acme.subscription("a", "2025-01-01", status="paused")
    acme.add("subscription_pauses", subscription_id=known_pause, paused_from="2025-02-01")
    renewal = acme.subscription("a", "2025-01-01", replaces_subscription_id="nobody")
    old = acme.subscription("b", "2025-01-01", "2025-03-31 23:59:59")
    acme.item(old, 100)
    acme.item(acme.subscription("b", "2025-04-10", replaces_subscription_id=old), 100)
    rows = acme.build("row_warnings").query("select row_key, warning from audit.row_warnings order by all")
    assert rows == sorted(
        [
            (paused, "paused_without_pause"),
            (renewal, "unknown_replaced_subscription"),
            (old, "inclusive_end"),
            (old, "late_renewal"),
        ]
    )


def fresh(company, as_of: str, *usage: str) -> World:
    """Build what says how new a company's rows are."""
    acme = company(as_of)
    acme.sell("a", 100, "2025-03-01")
    acme.use("a", *usage)
    return acme.build("publication")


def test_a_table_is_stale_when_its_newest_row_up_to_the_as_of_date_is_too_old(company):
    for as_of, age, is_stale in (("2025-03-31", 3, False), ("2025-04-01", 4, True)):
        world = fresh(company, as_of, "2025-03-28 23:00", "2025-04-01T15:00:00Z")
        row = audit(world, "freshness", "usage_events")
        assert (row.age_days, row.is_stale, str(row.newest_on)) == (age, is_stale, "2025-03-28")
        assert world.row("audit.publication").is_stale == is_stale


def test_a_quiet_table_is_no_late_table(company):
    """Nobody bought anything for months: what counts is when subscriptions were delivered."""
    for delivered, age, is_stale, through in (
        (datetime(2025, 9, 30, 20), 0, False, "2025-09-30"),
        (datetime(2025, 9, 30, 10), 0, False, "2025-09-29"),
        (datetime(2025, 7, 29, 20), 62, False, "2025-07-29"),
        (datetime(2025, 7, 29, 10), 63, True, "2025-07-28"),
    ):
        acme = company("2025-09-30", delivered_at=delivered)
        acme.sell("a", 100, "2025-03-01")
        world = acme.build("publication")
        row = audit(world, "freshness", "subscriptions")
        assert (row.age_days, row.is_stale, row.delivered_by) == (age, is_stale, "file")
        publication = world.row("audit.publication")
        assert (publication.is_stale, str(publication.data_through)) == (is_stale, through)


def test_what_is_loaded_later_than_the_run_began_says_nothing(company):
    acme = company("2025-09-30", started_at=datetime(2025, 10, 1))
    acme.sell("a", 100, "2025-03-01")
    loads = {"subscriptions": datetime(9999, 12, 31), "subscription_item_versions": datetime(2025, 9, 3, 15)}
    for table, loaded_at in loads.items():
        acme.tables[table][0]["_loaded_at"] = loaded_at
    world = acme.build("publication")
    assert audit(world, "freshness", "subscriptions").delivered_by is None
    row = audit(world, "freshness", "subscription_item_versions")
    assert (row.delivered_by, str(row.delivered_on)) == ("_loaded_at", "2025-09-04")
    assert str(world.row("audit.publication").data_through) == "2025-09-03"


def test_a_week_far_below_the_weeks_before_is_of_low_volume(company):
    before = [f"2025-03-{day:02} 10:{minute:02}" for day in range(4, 25) for minute in range(10)]
    for last_week, is_low in ((21, False), (20, True)):
        world = fresh(company, "2025-03-31", *before, *[f"2025-03-31 11:{minute:02}" for minute in range(last_week)])
        row = audit(world, "freshness", "usage_events")
        assert (row.last_7_days_count, row.previous_28_days_count, row.is_low_volume) == (last_week, 210, is_low)


def test_a_table_without_rows_is_stale_only_where_that_is_an_error(company, warehouse):
    world = fresh(company, "2025-03-31")
    assert not audit(world, "freshness", "usage_events").is_stale
    assert not world.row("audit.publication").is_stale
    world.query("update seeds.freshness_expectations set severity = 'error' where table_name = 'usage_events'")
    world.query(f"create or replace table audit.freshness as {warehouse.sql('freshness')}")
    late = f"select table_name, severity from ({warehouse.data_tests['assert_required_data_is_fresh']}\n)"
    assert world.query(late) == [("usage_events", "error")]


# Texts that are meant to hurt


def test_a_cell_of_10_megabytes_is_cut_and_one_that_is_personal_leaves_the_rest_readable(company, warehouse, tmp_path):
    acme = company("2025-03-31")
    huge = 'x"\\\n,' * 2_000_000
    acme.answer("a", "nps", 11, "2025-03-01", response_id="r", comment=huge, touchpoint="support")
    acme.account("huge", billing_currency="XYZ", industry=huge)
    world = warehouse.build_folder(write_raw(tmp_path / "raw", acme.tables), acme.settings, ["quarantined_rows"])
    assert len(audit(world, "quarantined_rows", "accounts").row_text) == 2000
    answer = json.loads(audit(world, "quarantined_rows", "survey_responses").row_text)
    assert (answer["comment"], answer["touchpoint"], answer["score"]) == ("***", "support", 11)


def test_of_a_value_that_breaks_a_rule_the_first_200_characters_are_shown(company):
    acme = company("2025-01-31")
    acme.subscription("a", "2025-01-10", status="a" * 199 + "bc")
    (row,) = acme.build("quarantined_rows").rows("audit.quarantined_rows", table_name="subscriptions")
    assert (row.column_name, row.value_found) == ("status", "a" * 199 + "b")
