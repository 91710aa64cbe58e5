"""The store of closed months and its rules: what is refused, what is locked, what moves afterwards and why, and a
store that nobody can touch. What `make close` and `make run` do with it stands in end_to_end/test_closing.py."""

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random

import duckdb
import pytest
from builders import Company, Settings, Warehouse, World, identities, inventions, refreshes

from orchestration.closing import close as closing
from orchestration.closing import store as state
from orchestration.closing.close import ClosingError, Signature
from orchestration.closing.store import StateError
from orchestration.publication import history
from orchestration.settings import seed

YEAR = [date(2025, month, 1) for month in range(1, 13)]
JANUARY, FEBRUARY, MARCH, *_ = YEAR


SIGNED = Signature("Sato Yui", "Tanaka Ken", "sato")


def lock(world: World, home: Path, *months: date, stated: date | None = date(2100, 1, 1)) -> None:
    """Close months of a built world; the data is through, somebody says, unless nobody does."""
    for month in months:
        closing.lock(world.connection, home, state.verify(home), month, SIGNED, stated)


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


FALSIFIED = [
    ("when locked.plan_rate <> live.plan_rate then 'fx'", ""),
    ("when roots.is_excluded then 'hierarchy'", "when not roots.is_excluded then 'hierarchy'"),
    ("known.item_version_id is null", "false"),
    ("cast(-locked_mrr as", "cast(locked_mrr as"),
    ("then 'policy'", "then 'unexplained'"),
]


def test_a_falsified_reason_is_noticed_by_the_second_opinion(
    after: Company, warehouse: Warehouse, tmp_path: Path
) -> None:
    for change in CHANGES:
        change(after)
    judged = warehouse.judge(after.tables, after.settings, tmp_path / "judged")
    honest = warehouse.sql("restated_items")
    for says, instead in FALSIFIED:
        assert says in honest, says
        falsified = {"restated_items": honest.replace(says, instead)}
        world = warehouse.build_judged(judged, ("recomputed_differences",), falsified)
        assert world.rows("reconciliation.recomputed_differences", table_name="restatements"), says


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
    sql = warehouse.sql("int_item_months").replace("case when is_paused then 0 else mrr end as mrr", "mrr + 1 as mrr")
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


@pytest.mark.parametrize("seed", range(4))
def test_whatever_changes_in_a_company_made_up_at_random_is_explained_alike_by_sql_and_by_python(
    warehouse: Warehouse, tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    settings = Settings(
        date(2025, 5, 20), random.choice(inventions.TIME_ZONES), policy=inventions.SMALL_POLICY, home=tmp_path
    )
    tables = inventions.invent(random, settings, 8)
    world = warehouse.build(tables, settings)
    first = random.choice([date(2024, 9, 1), date(2025, 1, 1)])
    with_mrr = [
        month for (month,) in world.query("select month from marts.dim_months where is_complete_month order by 1")
    ]
    world.connection.execute(
        "update reconciliation.mrr_to_invoices set is_breach = false; "
        "update reconciliation.mrr_to_revenue set is_breach = false; "
        "update reconciliation.reported_metric_differences set is_breach = false"
    )
    lock(world, tmp_path, *[month for month in with_mrr if month >= first])
    inventions.disturb(random, tables)
    policy = random.choice([{}, {"late_renewal_grace_days": 3, "policy_version": "2"}])
    if seed % 2:  # as of a large company: some of the customers only
        policy |= {"recompute_all_accounts": 3, "recompute_sample_customers": 5}
    settings = replace(settings, as_of_date=date(2025, 6, 20), policy=settings.policy | policy)
    judged = warehouse.judge(tables, settings, tmp_path / "judged")
    world = warehouse.build_judged(judged, ("recomputed_differences", "closed_account_months"))
    assert world.rows("reconciliation.restatements")
    for sentence in (
        "sql and python agree on every column of every table",
        "what is another thing today than was locked is listed, to the minor unit",
        "no restatement is unexplained",
    ):
        assert identities.breaks(world, sentence) == [], sentence


# What may not be closed


@pytest.fixture(scope="module")
def small(warehouse: Warehouse) -> World:
    """A company with a few months to close."""
    acme = Company(warehouse, "2025-04-15", delivered_at=datetime(2025, 4, 15, 20))
    acme.sell("acme", 100, "2024-12-10")
    acme.sell("busy", 1, "2025-01-03")
    acme.use("acme", "2025-04-14 10:00")
    return acme.build()


def refusal(world: World, home: Path, month: date, *statements: str, stated: date | None = None) -> str:
    """Why a month cannot be closed, in a world in which something has been changed for the moment."""
    world.connection.execute("begin")
    for statement in statements:
        world.connection.execute(statement)
    try:
        with pytest.raises(ClosingError) as error:
            lock(world, home, month, stated=stated)
    finally:
        world.connection.execute("rollback")
    return str(error.value)


def test_a_month_that_is_not_complete_is_not_closed(small: World, tmp_path: Path) -> None:
    told = refusal(small, tmp_path, date(2025, 4, 1))
    assert told.startswith("2025-04 is not complete in what is published, which is as of 2025-04-15")
    assert "publish as of 2025-04-30 or later first" in told
    assert not (tmp_path / "state").exists()


def test_a_close_day_after_the_end_of_the_month_is_kept(
    small: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = [row | ({"value": "16"} if row["setting"] == "close_after_days" else {}) for row in seed("policy")]
    monkeypatch.setattr(closing, "seed", {"policy": policy}.get)
    assert "publish as of 2025-04-16 or later first (16 days after its end" in refusal(small, tmp_path, MARCH)
    lock(small, tmp_path, FEBRUARY)


@pytest.mark.parametrize("month", [date(2024, 11, 1), date(2025, 5, 1)])
def test_a_month_that_is_not_published_is_not_closed(small: World, tmp_path: Path, month: date) -> None:
    assert "is not published: the months are 2024-12 to 2025-04." in refusal(small, tmp_path, month)


def test_a_month_is_closed_once_and_after_the_one_before(small: World, tmp_path: Path) -> None:
    lock(small, tmp_path, JANUARY)
    told = refusal(small, tmp_path, JANUARY)
    assert told.startswith("2025-01 is closed already: by ")
    assert "make reopen MONTH=2025-01" in told
    told = refusal(small, tmp_path, MARCH)
    assert told == "2025-02 has to be closed before 2025-03. Closed: 2025-01."
    told = refusal(small, tmp_path, date(2024, 12, 1))
    assert told.startswith("2024-12 lies before 2025-01, with which closing began, and stays open. To begin earlier, ")
    assert "make reopen MONTH=2025-01" in told
    lock(small, tmp_path, FEBRUARY, MARCH)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("update audit.publication set has_accepted_rejects = true", "published with KEIZOKU_ACCEPT_REJECTS=1"),
        (
            "create table audit.check_results as select 'assert_x' as check_name, 'fail' as status",
            "Checks of the published build failed: assert_x.",
        ),
        (
            "update audit.freshness set newest_on = date '2025-03-20' where table_name = 'usage_events'",
            "The data is not through 2025-03-31: usage_events ends on 2025-03-20, and",
        ),
        (
            "update audit.publication set data_through = date '2025-03-30'",
            "The data is not through 2025-03-31: subscriptions and subscription_item_versions are only through "
            "2025-03-30, by the times of their files. Bring the rest",
        ),
        (
            "update audit.publication set data_through = null",
            "2025-03-31: nothing tells how far subscriptions and subscription_item_versions are.",
        ),
        (
            "create or replace table reconciliation.reported_metric_differences as select * from (values "
            "(date '2025-03-01', 'nrr', 1.04, 1.05, true), (date '2025-03-01', 'grr', 0.9, 0.9, false)) "
            "as rows (month, metric_key, value, reported_value, is_breach)",
            "2025-03 does not tie out (reconciliation.reported_metric_differences, 1 beyond tolerance): "
            "metric_key nrr, value 1.04, reported_value 1.05. ",
        ),
        (
            "create or replace table reconciliation.mrr_to_invoices as select * from (values "
            "(date '2025-03-01', 'unexplained', cast(123456 as decimal(18, 4)), true), "
            "(date '2025-02-01', 'x', 1, true)) "
            "as rows (month, class, amount, is_breach)",
            "2025-03 does not tie out (reconciliation.mrr_to_invoices, 1 beyond tolerance): "
            "class unexplained, amount 123456.0000.",
        ),
    ],
)
def test_a_month_is_not_closed_while_something_speaks_against_it(
    small: World, tmp_path: Path, statement: str, told: str
) -> None:
    assert told in refusal(small, tmp_path, MARCH, statement)


def test_a_company_that_brings_no_usage_is_closed_all_the_same(small: World, tmp_path: Path) -> None:
    small.connection.execute("begin")
    small.connection.execute("update audit.freshness set newest_on = null where table_name = 'usage_events'")
    try:
        lock(small, tmp_path, MARCH)
    finally:
        small.connection.execute("rollback")


def test_a_month_in_which_nothing_new_was_sold_is_closed(small: World, tmp_path: Path) -> None:
    """Quiet tables are no late tables: the newest subscription is from January, the files are of April."""
    lock(small, tmp_path, MARCH, stated=None)
    (entry,) = state.verify(tmp_path)
    assert (entry.data_through, entry.data_through_by) == (date(2025, 4, 15), "file")


def test_rows_that_tell_when_they_were_loaded_tell_how_far_the_data_is(warehouse: Warehouse, tmp_path: Path) -> None:
    """Either table may have had nothing new for weeks: the loader ran when the newest row of both was loaded."""
    for loaded_at, through in (("2025-04-01 03:00", "2025-03-31"), ("2025-03-31 23:00", "2025-03-30")):
        acme = Company(warehouse, "2025-04-15", delivered_at=datetime(2025, 4, 15))
        acme.sell("acme", 100, "2024-12-10")
        for table, at in (("subscriptions", "2025-02-01 03:00"), ("subscription_item_versions", loaded_at)):
            acme.tables[table][0]["_loaded_at"] = datetime.fromisoformat(at) - timedelta(hours=9)
        world = acme.build()
        if through == "2025-03-31":
            lock(world, tmp_path, MARCH, stated=None)
        else:
            told = refusal(world, tmp_path / "late", MARCH)
            assert "subscription_item_versions are only through 2025-03-30, by their _loaded_at." in told
    (entry,) = state.verify(tmp_path)
    assert (entry.data_through, entry.data_through_by) == (date(2025, 3, 31), "_loaded_at")


def test_a_stated_day_stands_for_what_files_do_not_tell(small: World, tmp_path: Path) -> None:
    late = "update audit.publication set data_through = null"
    told = refusal(small, tmp_path, MARCH, late, stated=date(2025, 3, 30))
    assert told.startswith("DATA_THROUGH=2025-03-30 is before the end of 2025-03, 2025-03-31.")
    small.connection.execute("begin")
    small.connection.execute(late)
    try:
        lock(small, tmp_path, MARCH, stated=date(2025, 3, 31))
    finally:
        small.connection.execute("rollback")
    (entry,) = state.verify(tmp_path)
    assert (entry.data_through, entry.data_through_by) == (date(2025, 3, 31), "stated")
    assert closing.parse_day("") is None
    with pytest.raises(ClosingError, match="DATA_THROUGH='soon' is not a day; write it as DATA_THROUGH=2026-11-03"):
        closing.parse_day("soon")


def test_where_the_wrong_month_was_closed_first_an_earlier_one_can_be_closed(small: World, tmp_path: Path) -> None:
    lock(small, tmp_path, MARCH)
    publish(tmp_path, small)
    closing.reopen_month(tmp_path, MARCH, "Closing begins with January", SIGNED)
    lock(small, tmp_path, JANUARY)
    assert refusal(small, tmp_path, MARCH) == "2025-02 has to be closed before 2025-03. Closed: 2025-01."
    lock(small, tmp_path, FEBRUARY, MARCH)


def test_two_people_sign_where_the_policy_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert closing.signature("  Sato  Yui ", "") == Signature("Sato Yui", None, closing.signature().os_user)
    assert closing.signature().made_by == closing.signature().os_user
    policy = [row | ({"value": "1"} if row["setting"] == "close_needs_approval" else {}) for row in seed("policy")]
    monkeypatch.setattr(closing, "seed", {"policy": policy}.get)
    for names in (("", ""), ("Sato", ""), ("", "Sato")):
        with pytest.raises(ClosingError, match='write it as BY="…" APPROVED_BY="…"'):
            closing.signature(*names)
    with pytest.raises(ClosingError, match="are one name, Sato Yui: somebody else approves"):
        closing.signature("Sato Yui", "ＳＡＴＯ  yui")
    assert closing.signature("Sato", "Tanaka").approved_by == "Tanaka"


def test_a_close_needs_nobodys_approval_unless_a_company_wants_it() -> None:
    assert {row["value"] for row in seed("policy") if row["setting"] == "close_needs_approval"} == {"0"}


def test_months_closed_in_one_currency_are_not_reported_in_another(small: World, tmp_path: Path) -> None:
    lock(small, tmp_path, JANUARY)
    told = refusal(small, tmp_path, FEBRUARY, "update audit.publication set currency = 'USD'")
    assert "Months are closed in JPY (Asia/Tokyo), and this is USD (Asia/Tokyo)" in told
    with pytest.raises(ClosingError, match="KEIZOKU_HOME of its own"):
        closing.stop_when_reported_otherwise(state.verify(tmp_path), "JPY", "UTC")


@pytest.mark.parametrize("text", ["", "2026-13", "2026-1", "October", "2026-10-01", "../../x"])
def test_what_is_no_month_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ClosingError, match="write it as MONTH=2026-10"):
        closing.parse_month(text)


# What is locked


def test_every_customer_of_the_month_is_locked_with_all_that_its_figures_rest_on(
    after: Company, closed_year: tuple[Company, Path, World]
) -> None:
    world = after.build("closed_account_months")
    (row,) = world.rows("reconciliation.closed_account_months", account_id="american", month="2025-05")
    assert (row.opening_mrr, row.closing_mrr, row.plan_rates) == (1600, 1600, "USD 160.00000000")
    # 12 months before it paid 10 dollars: at this month's rate.
    assert (row.cohort_opening_mrr, row.cohort_closing_mrr) == (1600, 1600)
    assert (row.plan_tier, row.size_band, row.industry, row.policy_version) == ("1", "S", "unknown", "1")
    (row,) = world.rows("reconciliation.closed_account_months", account_id="left", month="2025-05")
    assert row.member_accounts == "child, left"
    (item,) = world.rows("state.closed_item_months", owner_account_id="child", month="2025-05")
    assert (item.account_id, item.mrr, item.unit_amount, item.recorded_at) == ("left", 300, 300, None)
    assert item.service_from_at == datetime(2024, 1, 31, 15)
    (carried,) = [
        row for row in world.rows("state.closed_item_months", account_id="renews", month="2025-06") if row.mrr == 400
    ]
    assert (carried.service_end_at, carried.renewed_on) == (datetime(2025, 6, 19, 15), date(2025, 7, 10))
    # Whoever had MRR at the start, at the end or a year before, and nobody else.
    _, _, last = closed_year
    assert last.query(
        "select count(*) from state.closed_account_months as closed full join ("
        "select account_id, month from marts.fct_account_months where opening_mrr > 0 or closing_mrr > 0 union "
        "select account_id, month from marts.fct_retention_account_months where window_months = 12) as live "
        "using (account_id, month) where closed.line_number is null and month in (select month from state.closes "
        "where is_in_force)"
    ) == [(0,)]


def test_a_reopened_month_shows_no_locked_figure_until_it_is_closed_again_and_the_old_rows_stay(
    small: World, tmp_path: Path, warehouse: Warehouse
) -> None:
    lock(small, tmp_path, JANUARY, FEBRUARY)
    publish(tmp_path, small)
    with pytest.raises(ClosingError, match="recorded with its reason"):
        closing.reopen_month(tmp_path, JANUARY, " ", SIGNED)
    with pytest.raises(ClosingError, match=r"2025-03 is not closed. Closed: 2025-01, 2025-02\."):
        closing.reopen_month(tmp_path, MARCH, "why", SIGNED)
    closing.reopen_month(tmp_path, JANUARY, "A credit note was missing", SIGNED)
    assert "2025-01, which was reopened, has to be closed before 2025-03" in refusal(small, tmp_path, MARCH)
    closes = land(tmp_path).execute("select action, month, reason, is_in_force from state.closes order by entry_number")
    assert closes.fetchall() == [
        ("close", JANUARY, None, False),
        ("close", FEBRUARY, None, True),
        ("reopen", JANUARY, "A credit note was missing", False),
    ]
    locked = "select distinct month, entry_number from state.closed_metric_values order by all"
    assert land(tmp_path).execute(locked).fetchall() == [(FEBRUARY, 2)]
    lock(small, tmp_path, JANUARY)
    assert land(tmp_path).execute(locked).fetchall() == [(JANUARY, 4), (FEBRUARY, 2)]
    assert len(list((tmp_path / "state" / "closes").glob("*-close-2025-01/account_months.parquet"))) == 2


def test_a_close_as_of_a_later_day_is_not_known_to_a_run_as_of_an_earlier_one(small: World, tmp_path: Path) -> None:
    lock(small, tmp_path, JANUARY)
    in_force = "select is_in_force from state.closes"
    assert land(tmp_path, date(2025, 4, 15)).execute(in_force).fetchall() == [(True,)]
    assert land(tmp_path, date(2025, 4, 14)).execute(in_force).fetchall() == [(False,)]


def land(home: Path, as_of: date = date(2025, 4, 15)) -> duckdb.DuckDBPyConnection:
    """The store as dbt reads it."""
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as keizoku; use keizoku; create schema state")
    state.land_state(connection, home, as_of)
    return connection


def publish(home: Path, world: World, build_id: str = "20260101T000000-aaaaaa") -> None:
    """Publish something that closes can refer to, with the store beside it."""
    refreshes.publish_small(home, build_id, home, outputs=[partial(state.copy_beside, home)])
    file = (home / "published" / "keizoku.duckdb").resolve()
    file.chmod(0o644)
    with duckdb.connect(str(file)) as connection:
        connection.execute("drop table audit.publication")
        for name in ("policy_version", "currency", "time_zone", "as_of_date", "build_id"):
            assert world.query(f"select {name} from audit.publication")
        connection.execute(
            "create table audit.publication as select 'a' as build_id, 'JPY' as currency, 'Asia/Tokyo' as time_zone, "
            "'1' as policy_version, date '2025-04-15' as as_of_date"
        )


# Nobody can touch the store


@pytest.fixture(scope="module")
def pristine(small: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three closed months, published."""
    home = tmp_path_factory.mktemp("pristine")
    lock(small, home, JANUARY, FEBRUARY, MARCH)
    publish(home, small)
    return home


@pytest.fixture
def home(pristine: Path, tmp_path: Path) -> Path:
    """A copy of that home."""
    shutil.copytree(pristine, tmp_path / "home", symlinks=True)
    return tmp_path / "home"


def rewrite(file: Path, query: str) -> None:
    """Write a parquet file anew, from a query on its rows."""
    content = duckdb.sql(f"select * from read_parquet('{file}')").to_arrow_table()  # noqa: F841  the query's rows
    rows = duckdb.sql(query.replace("rows", "content")).to_arrow_table()  # noqa: F841
    file.chmod(0o644)
    duckdb.sql(f"copy rows to '{file}' (format parquet)")


RAISED = "select * replace (cast(closing_mrr + 1 as decimal(18, 4)) as closing_mrr) from rows"
TAMPERED = {
    "a changed amount": lambda file: rewrite(file, RAISED),
    "a changed amount of one row": lambda file: rewrite(
        file,
        "select * replace (case when line_number = 1 then 1 else opening_mrr end as opening_mrr) from rows",
    ),
    "a row taken out": lambda file: rewrite(file, "from rows where line_number <> 1"),
    "the last row taken out": lambda file: rewrite(
        file, "from rows where line_number <> (select max(line_number) from rows)"
    ),
    "no row left": lambda file: rewrite(file, "from rows limit 0"),
    "a row twice": lambda file: rewrite(file, "from rows union all (from rows limit 1)"),
    "rows changed places": lambda file: rewrite(
        file, "select * replace (cast(3 - line_number as bigint) as line_number) from rows order by line_number"
    ),
    "a column less": lambda file: rewrite(file, "select * exclude (industry) from rows"),
    "no parquet any more": lambda file: (file.chmod(0o644), file.write_bytes(b"nothing")),
    "the file gone": lambda file: file.unlink(),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_touched_row_or_file_is_found_by_month_and_file(home: Path, how: str) -> None:
    file = home / "state" / "closes" / "00002-close-2025-02" / "account_months.parquet"
    assert len(state.verify(home)) == 3
    TAMPERED[how](file)
    with pytest.raises(StateError) as error:
        state.verify(home)
    assert str(error.value).startswith("The closed month 2025-02 was touched: ")
    assert str(file) in str(error.value)
    assert str(home / "published" / "history" / "20260101T000000-aaaaaa" / "state" / "closes") in str(error.value)


def test_whoever_makes_the_hashes_anew_too_is_found_by_what_was_published(home: Path) -> None:
    closes = home / "state" / "closes"
    shutil.rmtree(closes / "00003-close-2025-03")
    about = {
        "action": "close", "month": MARCH, "reason": None, "made_by": "me", "build_id": "b", "currency": "JPY",
        "time_zone": "Asia/Tokyo", "policy_version": "1", "as_of_date": date(2025, 4, 15),
        "made_at": datetime(2026, 1, 1), "approved_by": None, "os_user": "me", "data_through": None,
        "data_through_by": None,
    }  # fmt: skip
    with duckdb.connect() as connection:
        state.append(home, connection, {}, **about)
    with pytest.raises(
        StateError, match=r"closed month 2025-03 .*00003-close-2025-03, which was published, is another"
    ):
        state.verify(home)


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ("00001-close-2025-01", "entry 00001, before 00002-close-2025-02, is gone"),
        ("00002-close-2025-02", "entry 00002, before 00003-close-2025-03, is gone"),
        ("00003-close-2025-03", "closed month 2025-03 was touched: .*, which was published, is gone"),
        (".", "closed month 2025-01 was touched: .*, which was published, is gone"),
        ("..", "closed month 2025-01 was touched: .*, which was published, is gone"),
    ],
)
def test_the_loss_of_an_entry_or_of_the_store_is_an_error_and_not_an_empty_table(
    home: Path, gone: str, told: str
) -> None:
    shutil.rmtree((home / "state" / "closes" / gone).resolve())
    with pytest.raises(StateError, match=told):
        state.verify(home)


def test_the_published_file_alone_tells_of_closes_too(home: Path, small: World) -> None:
    (entry, *_) = state.verify(home)
    file = (home / "published" / "keizoku.duckdb").resolve()
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "create table reconciliation.closes (entry_number bigint, action text, month date, chain_head text)"
        )
        connection.execute("insert into reconciliation.closes values (1, 'close', $1, $2)", [JANUARY, entry.row_hash])
    assert len(state.verify(home)) == 3
    shutil.rmtree(home / "published" / "history" / "20260101T000000-aaaaaa" / "state")
    assert len(state.verify(home)) == 3
    shutil.rmtree(home / "state")
    with pytest.raises(StateError, match=r"2025-01 .* stands in the published file, but the store has none"):
        state.verify(home)


def test_a_store_that_was_lost_is_copied_back_from_beside_the_publication(home: Path, small: World) -> None:
    before = state.verify(home)
    shutil.rmtree(home / "state")
    shutil.copytree(home / "published" / "state", home / "state")
    assert [entry.row_hash for entry in state.verify(home)] == [entry.row_hash for entry in before]
    lock_next = refusal(small, home, MARCH)
    assert lock_next.startswith("2025-03 is closed already")


def test_a_rollback_and_a_deleted_build_leave_the_store(home: Path, small: World) -> None:
    publish(home, small, "20260102T000000-bbbbbb")
    history.roll_back(home)
    shutil.rmtree(home / "build", ignore_errors=True)
    assert len(state.verify(home)) == 3
    # An older publication knows fewer closes; what a newer one that is kept knows must still be there.
    shutil.rmtree(home / "published" / "history" / "20260101T000000-aaaaaa" / "state")
    shutil.rmtree(home / "state")
    with pytest.raises(StateError, match="which was published, is gone"):
        state.verify(home)


def test_every_hash_can_be_computed_again_by_hand(home: Path) -> None:
    """As the documents say it: SHA-256 of the hash before, a line break, and the values after their lengths."""
    folder = home / "state" / "closes" / "00001-close-2025-01"
    columns = (
        "account_id varchar, month date, plan_tier varchar, size_band varchar, industry varchar, country varchar, "
    )
    columns += "plan_rates varchar, member_accounts varchar, policy_version varchar, opening_mrr decimal(18,4), "
    columns += "closing_mrr decimal(18,4), cohort_opening_mrr decimal(18,4), cohort_closing_mrr decimal(18,4)"
    link = hashlib.sha256(f"{'0' * 64}\naccount_months: {columns}".encode()).hexdigest()
    rows = duckdb.sql(f"from read_parquet('{folder / 'account_months.parquet'}') order by line_number").fetchall()
    assert len(rows) == 2
    for line_number, *values, row_hash in rows:
        texts = [None if value is None else str(value) for value in (*values, line_number)]
        text = ",".join("~" if value is None else f"{len(value.encode())}:{value}" for value in texts)
        link = hashlib.sha256(f"{link}\n{text}".encode()).hexdigest()
        assert row_hash == link


def test_who_closed_and_who_approved_is_in_the_chain(home: Path) -> None:
    event = home / "state" / "closes" / "00002-close-2025-02" / "event.parquet"
    assert state.verify(home)[1].approved_by == "Tanaka Ken"
    for query in (
        "select * replace ('Suzuki' as approved_by) from rows",
        "select * replace (cast(null as varchar) as approved_by) from rows",
        "select * exclude (approved_by) from rows",
        "select * replace (date '2030-01-01' as data_through) from rows",
    ):
        before = event.read_bytes()
        rewrite(event, query)
        with pytest.raises(StateError, match=r"closed month 2025-02 was touched: .*event\.parquet is not as it was"):
            state.verify(home)
        event.write_bytes(before)
    assert len(state.verify(home)) == 3


def test_a_store_from_before_approvals_is_as_whole_as_it_was_and_goes_on(small: World, tmp_path: Path) -> None:
    """tests/python/unit/closed_before_approvals holds the store of two closes and a reopening made by version 0.2.0."""
    shutil.copytree(Path(__file__).with_name("closed_before_approvals"), tmp_path / "state" / "closes")
    old = state.verify(tmp_path)
    assert [(entry.action, entry.month, entry.approved_by, entry.os_user) for entry in old] == [
        ("close", JANUARY, None, None),
        ("close", FEBRUARY, None, None),
        ("reopen", FEBRUARY, None, None),
    ]
    assert land(tmp_path).execute("select distinct month, entry_number from state.closed_metric_values").fetchall() == [
        (JANUARY, 1)
    ]
    lock(small, tmp_path, FEBRUARY)
    *_, new = state.verify(tmp_path)
    assert (new.entry_number, new.previous_hash, new.approved_by) == (4, old[-1].row_hash, "Tanaka Ken")
    for_all = "select entry_number, made_by, approved_by from state.closes order by 1"
    assert land(tmp_path).execute(for_all).fetchall()[2:] == [(3, "tester", None), (4, "Sato Yui", "Tanaka Ken")]


# The log


def test_what_a_build_saw_move_is_in_the_log_once_and_shows_when_it_was_seen_first(
    company: Callable[..., Company], tmp_path: Path
) -> None:
    acme = company("2025-04-15", home=tmp_path / "home", build_id="20260101T000000-aaaaaa")
    item = acme.sell("acme", 100, "2024-12-10", quantity=2)
    acme.sell("busy", 1, "2025-03-03")
    lock(acme.build(), tmp_path / "home", MARCH)
    (row,) = versions_of(acme, "acme")
    assert row["subscription_item_id"] == item
    seen = []
    for day, quantity in ((2, 2), (3, 5), (4, 5), (5, 6), (6, 2), (7, 6)):
        row["quantity"] = Decimal(quantity)
        about = {"build_id": f"2026010{day}T000000-aaaaaa", "started_at": datetime(2026, 1, day)}
        acme.settings = replace(acme.settings, **about)
        world = acme.build("restatements")
        seen.append(
            [
                (r.difference_mrr, r.first_seen_build_id[:8], r.first_seen_at.day)
                for r in world.rows("reconciliation.restatements")
            ]
        )
        closing.log_differences(
            world.connection, acme.settings, state.verify(tmp_path / "home")[-1], "reconciliation.restatements"
        )
    first = ("20260103", 3)
    assert seen == [[], [(300, *first)], [(300, *first)], [(400, *first)], [], [(400, *first)]]
    log = acme.build("restatements").rows("state.restatement_log")
    assert sorted((row.seen_at.day, row.difference_mrr) for row in log) == [(3, 300), (5, 400), (6, 0), (7, 400)]
