"""Closed months: what is refused, what is locked, what moves afterwards and why, and that nobody can touch the store."""

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random

import dagster as dg
import duckdb
import pytest
import refreshes
from refreshes import PROJECT, make, read
from worlds import Company, Settings, Warehouse, World, identities, inventions

from orchestration import assets, closing, history, state, steps
from orchestration.closing import ClosingError
from orchestration.definitions import defs
from orchestration.publish import PublicationError
from orchestration.settings import read_settings
from orchestration.state import StateError

YEAR = [date(2025, month, 1) for month in range(1, 13)]
JANUARY, FEBRUARY, MARCH, *_ = YEAR


def lock(world: World, home: Path, *months: date) -> None:
    """Close months of a built world."""
    for month in months:
        closing.lock(world.connection, home, state.verify(home), month)


def restated(world: World) -> dict[tuple[str, str], dict[str, Decimal]]:
    """Differences by customer and reason, and month."""
    found = defaultdict(dict)
    for row in world.rows("reconciliation.restatements"):
        found[row.account_id, row.reason][f"{row.month:%Y-%m}"] = row.difference_mrr
    return dict(found)


def months(first: int, last: int) -> list[str]:
    """Months of the year of closes."""
    return [f"2025-{month:02}" for month in range(first, last + 1)]


# A year of closes, and what happens afterwards


def year_of(company: Callable[..., Company]) -> Company:
    """A company in which something will be wrong with every customer but two."""
    acme = company("2025-01-25")
    for rate_date, rate in (("2024-01-01", "150"), ("2025-04-01", "160")):
        acme.add("exchange_rates", rate_date=rate_date, base_currency="USD", rate=rate)
    for account, amount in (("cancels", 100), ("invoiced", 200), ("corrected", 50), ("vanishes", 70), ("stays", 900)):
        acme.sell(account, amount, "2024-03-01", quantity=10)
    acme.sell("american", 10, "2024-05-01", currency="USD")
    acme.account("left")
    acme.account("right")
    acme.account("child", parent="left")
    for account, amount in (("left", 1000), ("right", 2000), ("child", 300)):
        acme.sell(account, amount, "2024-02-01")
    old = acme.subscription("renews", "2024-06-20", "2025-06-20")
    acme.item(old, 400)
    acme.item(acme.subscription("renews", "2025-07-10", replaces_subscription_id=old), 500)
    # Billing that goes on, month by month, shows that the data is through.
    for month in range(1, 13):
        acme.sell("busy", 1, f"2025-{month:02}-03")
    return acme


@pytest.fixture(scope="module")
def closed_year(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> tuple[Company, Path, World]:
    """The company after twelve closes, made quarter by quarter on the 25th of the month after, and its last world."""
    home = tmp_path_factory.mktemp("closed-year")
    acme = year_of(partial(Company, warehouse))
    for first in range(0, 12, 3):
        quarter = YEAR[first : first + 3]
        as_of = (quarter[-1] + timedelta(days=32)).replace(day=25)
        acme.settings = replace(acme.settings, as_of_date=as_of, build_id=f"build-{quarter[-1]:%m}", home=home)
        world = acme.build()
        lock(world, home, *quarter)
    return acme, home, world


@pytest.fixture
def after(closed_year: tuple[Company, Path, World], tmp_path: Path) -> Company:
    """A copy of the company after its year, half a month later, that a test may change."""
    acme, home, _ = closed_year
    shutil.copytree(home, tmp_path / "home")
    later = Company(acme._warehouse, "2026-02-10")
    later.tables = defaultdict(list, {table: [dict(row) for row in rows] for table, rows in acme.tables.items()})
    later._keys = acme._keys.copy()
    later.settings = replace(acme.settings, as_of_date=date(2026, 2, 10), home=tmp_path / "home", build_id="later")
    return later


def rows_of(company: Company, account: str, table: str = "subscriptions") -> list[dict]:
    return [row for row in company.tables[table] if row["account_id"] == account]


def versions_of(company: Company, account: str) -> list[dict]:
    owned = {row["subscription_id"] for row in rows_of(company, account)}
    return [row for row in company.tables["subscription_item_versions"] if row["subscription_id"] in owned]


def cancel_in_arrears(company: Company) -> None:
    (row,) = rows_of(company, "cancels")
    row |= {"status": "canceled", "ended_at": datetime(2025, 9, 15)}


def invoice_late(company: Company) -> None:
    about = {"issued_at": datetime(2026, 1, 20), "service_from": date(2025, 11, 1), "service_to": date(2025, 11, 30)}
    company.add("invoice_lines", account_id="invoiced", amount_ex_tax=Decimal(2000), **about)


def move_the_child(company: Company) -> None:
    (row,) = (row for row in company.tables["accounts"] if row["account_id"] == "child")
    row["parent_account_id"] = "right"


def correct_the_rate(company: Company) -> None:
    (row,) = (row for row in company.tables["exchange_rates"] if row["rate_date"] == date(2025, 4, 1))
    row["rate"] = Decimal(155)


def change_the_policy(company: Company) -> None:
    policy = {"late_renewal_grace_days": 5, "policy_version": "2"}
    company.settings = replace(company.settings, policy=policy)


def correct_a_quantity(company: Company) -> None:
    (row,) = versions_of(company, "corrected")
    row["quantity"] = Decimal(8)


def delete_a_row(company: Company) -> None:
    (row,) = versions_of(company, "vanishes")
    company.tables["subscription_item_versions"].remove(row)


def sell_without_telling(company: Company) -> None:
    company.sell("late", 40, "2025-11-05")


CHANGES = {
    cancel_in_arrears: {("cancels", "backdated_change"): dict.fromkeys(months(9, 12), Decimal(-1000))},
    invoice_late: {},
    move_the_child: {
        ("left", "hierarchy"): dict.fromkeys(months(1, 12), Decimal(-300)),
        ("right", "hierarchy"): dict.fromkeys(months(1, 12), Decimal(300)),
    },
    correct_the_rate: {("american", "fx"): dict.fromkeys(months(4, 12), Decimal(-50))},
    change_the_policy: {("renews", "policy"): {"2025-06": Decimal(-400)}},
    correct_a_quantity: {("corrected", "correction"): dict.fromkeys(months(1, 12), Decimal(-100))},
    delete_a_row: {("vanishes", "deletion"): dict.fromkeys(months(1, 12), Decimal(-700))},
    sell_without_telling: {("late", "late_data"): dict.fromkeys(months(11, 12), Decimal(40))},
}


def test_a_year_of_closes_moves_nothing_while_nothing_changes(after: Company) -> None:
    world = after.build()
    assert restated(world) == {}
    assert world.query("select count(*) from metrics.metric_values where is_closed and value <> closed_value") == [(0,)]


def test_after_a_year_of_closes_each_change_is_one_explained_restatement_and_no_closed_figure_moves(
    after: Company, closed_year: tuple[Company, Path, World], warehouse: Warehouse, tmp_path: Path
) -> None:
    closed = "select metric_key, month, segment_type, segment_value, closed_value from metrics.metric_values"
    closed += " where is_closed and closed_value is not null order by all"
    before = after.build().query(closed)
    for change in CHANGES:
        change(after)
    judged = warehouse.judge(after.tables, after.settings, tmp_path / "judged")
    assert identities.faults(warehouse, judged) == {}
    world = warehouse.build_judged(judged)
    assert restated(world) == {key: row for found in CHANGES.values() for key, row in found.items()}
    assert world.query(closed) == before
    # One row a customer and month, whose two figures it explains.
    rows = world.rows("reconciliation.restatements")
    assert len({(row.account_id, row.month) for row in rows}) == len(rows)
    assert all(row.live_mrr - row.closed_mrr == row.difference_mrr for row in rows)
    # The live figure stands beside the locked one.
    december = world.row("metrics.metric_values", metric_key="mrr", month="2025-12", segment_type="total")
    assert december.closed_value - december.value == sum(
        row.closed_mrr - row.live_mrr for row in rows if row.month == YEAR[-1]
    )


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_each_change_alone_has_its_reason(after: Company, change: Callable) -> None:
    change(after)
    assert restated(after.build("restatements")) == CHANGES[change]


def pause(company: Company) -> None:
    (row,) = rows_of(company, "stays")
    row = {"subscription_id": row["subscription_id"], "paused_from": datetime(2025, 5, 20)}
    company.add("subscription_pauses", **row, paused_to=datetime(2025, 6, 10))


def replace_a_version(company: Company) -> None:
    (row,) = versions_of(company, "stays")
    row |= {"item_version_id": "another", "unit_amount": Decimal(950)}


def begin_earlier(company: Company, month: int = 6) -> None:
    rows = versions_of(company, "busy")
    (row,) = [row for row in rows if row["valid_from"] == datetime(2025, month, 2, 15)]
    (sold,) = [sub for sub in company.tables["subscriptions"] if sub["subscription_id"] == row["subscription_id"]]
    row["valid_from"] = sold["started_at"] = datetime(2025, 4, 10)


def begin_before_anybody_knew(company: Company) -> None:
    begin_earlier(company, 8)


def change_a_price_in_arrears(company: Company) -> None:
    (row,) = versions_of(company, "stays")
    company.change(row["subscription_item_id"], "2025-11-15", unit_amount=Decimal(1000))


def leave_out_the_account(company: Company) -> None:
    (row,) = (row for row in company.tables["accounts"] if row["account_id"] == "stays")
    row["is_internal"] = True


def renew_late(company: Company) -> None:
    (row,) = rows_of(company, "stays")
    row |= {"status": "canceled", "ended_at": datetime(2025, 12, 20)}


@pytest.mark.parametrize(
    ("change", "account", "reason", "expected"),
    [
        (pause, "stays", "backdated_change", {"2025-05": Decimal(-9000)}),
        (replace_a_version, "stays", "correction", dict.fromkeys(months(1, 12), Decimal(500))),
        (begin_earlier, "busy", "backdated_change", dict.fromkeys(months(4, 5), Decimal(1))),
        (begin_before_anybody_knew, "busy", "backdated_change", dict.fromkeys(months(4, 7), Decimal(1))),
        (change_a_price_in_arrears, "stays", "backdated_change", dict.fromkeys(months(11, 12), Decimal(1000))),
        (leave_out_the_account, "stays", "hierarchy", dict.fromkeys(months(1, 12), Decimal(-9000))),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_other_changes_have_their_reasons_too(
    after: Company, change: Callable, account: str, reason: str, expected: dict
) -> None:
    change(after)
    assert restated(after.build("restatements")) == {(account, reason): expected}


def test_a_late_renewal_that_bridges_a_month_already_closed_is_late_data(
    company: Callable[..., Company], tmp_path: Path
) -> None:
    acme = company("2025-06-30", home=tmp_path)
    old = acme.subscription("renews", "2025-01-20", "2025-06-20")
    acme.item(old, 400)
    acme.sell("busy", 1, "2025-06-03")
    lock(acme.build(), tmp_path, date(2025, 6, 1))
    acme.item(acme.subscription("renews", "2025-07-10", replaces_subscription_id=old), 500)
    acme.settings = replace(acme.settings, as_of_date=date(2025, 7, 31))
    assert restated(acme.build("restatements")) == {("renews", "late_data"): {"2025-06": Decimal(400)}}


def test_a_figure_that_moves_without_any_input_is_unexplained(after: Company, warehouse: Warehouse) -> None:
    sql = warehouse.sql("int_item_months").replace("case when is_paused then 0 else net_mrr end", "net_mrr + 1")
    assert sql != warehouse.sql("int_item_months")
    world = after.build("restatements", replace={"int_item_months": sql})
    assert {reason for _, reason in restated(world)} == {"unexplained"}


def test_a_locked_segment_in_which_nobody_stands_any_more_is_still_shown(after: Company) -> None:
    (row,) = (row for row in after.tables["accounts"] if row["account_id"] == "stays")
    row["industry"] = "retail"
    world = after.build("metric_values")
    kept = world.rows("metrics.metric_values", metric_key="mrr", month="2025-12", segment_type="industry")
    assert {row.segment_value: (row.value is None, row.closed_value is None, row.null_reason) for row in kept} == {
        "retail": (False, True, None),
        "unknown": (False, False, None),
    }
    for row in after.tables["accounts"]:
        row["industry"] = "retail"
    kept = after.build("metric_values").rows(
        "metrics.metric_values", metric_key="mrr", month="2025-12", segment_type="industry"
    )
    assert [(row.segment_value, row.value, row.null_reason) for row in kept if row.segment_value == "unknown"] == [
        ("unknown", None, "closed_only")
    ]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_changes_in_a_company_made_up_at_random_is_explained_alike_by_sql_and_by_python(
    warehouse: Warehouse, tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    settings = Settings(
        date(2025, 5, 20), random.choice(inventions.TIME_ZONES), policy=inventions.SMALL_POLICY, home=tmp_path
    )
    tables = inventions.invent(random, settings, 12)
    world = warehouse.build(tables, settings)
    first = random.choice([date(2024, 9, 1), date(2025, 1, 1)])
    with_mrr = [
        month for (month,) in world.query("select month from marts.dim_months where is_complete_month order by 1")
    ]
    world.connection.execute("update audit.freshness set newest_on = date '2025-05-20'")
    lock(world, tmp_path, *[month for month in with_mrr if month >= first])
    disturb(random, tables)
    policy = random.choice([{}, {"late_renewal_grace_days": 3, "policy_version": "2"}])
    settings = replace(settings, as_of_date=date(2025, 6, 20), policy=settings.policy | policy)
    judged = warehouse.judge(tables, settings, tmp_path / "judged")
    assert identities.faults(warehouse, judged) == {}
    assert warehouse.build_judged(judged).rows("reconciliation.restatements")


def disturb(random: Random, tables: inventions.Tables) -> None:
    """Change a few of the rows that MRR comes from, in every way that a source may."""
    versions, subscriptions = tables["subscription_item_versions"], tables["subscriptions"]
    for row in random.sample(versions, min(4, len(versions))):
        row["quantity"] = Decimal(random.randint(0, 9)) if row["discount_amount"] is None else row["quantity"]
    for row in random.sample(versions, min(3, len(versions))):
        versions.remove(row)
    for row in random.sample(subscriptions, min(4, len(subscriptions))):
        if row["ended_at"] is None:
            end = row["started_at"] + timedelta(days=random.randint(0, 200))
            row |= {"ended_at": end, "status": "canceled"}
        elif row["status"] != "canceled":
            row["ended_at"] = None
    for row in random.sample(tables["accounts"], min(3, len(tables["accounts"]))):
        row["is_internal"] = not row["is_internal"]
    children = [row for row in tables["accounts"] if row["parent_account_id"]]
    for row in random.sample(children, min(3, len(children))):
        row["parent_account_id"] = None
    for row in tables["exchange_rates"]:
        row["rate"] += random.choice([0, 0, 1])
