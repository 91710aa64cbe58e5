"""SQL and Python customer by customer, and the fixed sample of customers of a company with too many accounts."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random

import duckdb
import pytest
from builders import Settings, Warehouse, World, inventions
from builders.warehouse import Judged, Rows

from orchestration.recompute.contract import recomputed_contract
from orchestration.recompute.sample import chosen
from orchestration.warehouse.differences import find_differences

SAMPLED = 4
AS_OF = Settings(date(2025, 6, 15))
SAMPLE = replace(AS_OF, policy={"recompute_all_accounts": 3, "recompute_sample_customers": SAMPLED})
OF_CUSTOMERS = [name for name, table in recomputed_contract().items() if table.sample not in ("nothing", "whole")]
TOTALS = "assert_totals_are_sums_of_account_rows"


@pytest.fixture(scope="module")
def rows() -> Rows:
    """A company with something of everything, and an event whose key comes back in another customer's account.

    Every customer has signed something that begins later: whoever is in the sample has MRR ahead.
    """
    tables = inventions.invent(Random(4), AS_OF, 12)
    first, *_, last = sorted(tables["usage_events"], key=lambda row: row["account_id"])
    assert first["account_id"] != last["account_id"]
    tables["usage_events"] += [
        first | {"account_id": last["account_id"], "_updated_at": "2025-01-01 00:00:00"},
        last | {"account_id": first["account_id"], "quantity": 3},
    ]
    line = tables["subscription_item_versions"][0] | {"product_id": "core-1", "quantity": 2, "unit_amount": 1000}
    begin = {"valid_from": "2025-08-10 00:00:00", "valid_to": None, "recorded_at": "2025-06-01 00:00:00"}
    for account in [row["account_id"] for row in tables["accounts"] if row["parent_account_id"] is None]:
        signed = dict.fromkeys(tables["subscriptions"][0]) | {"subscription_id": f"signed-{account}"}
        signed |= {"account_id": account, "status": "active", "started_at": begin["valid_from"]}
        tables["subscriptions"].append(signed)
        keys = dict.fromkeys(("item_version_id", "subscription_item_id", "subscription_id"), signed["subscription_id"])
        tables["subscription_item_versions"].append(
            line | keys | begin | {"discount_amount": None, "discount_kind": None}
        )
    return tables


@pytest.fixture(scope="module")
def everybody(rows: Rows, warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    return warehouse.judge(rows, AS_OF, tmp_path_factory.mktemp("everybody"))


@pytest.fixture(scope="module")
def sample(rows: Rows, warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    return warehouse.judge(rows, SAMPLE, tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def built(sample: Judged, warehouse: Warehouse) -> World:
    return warehouse.build_judged(sample)


def read(judged: Judged, table: str, where: str = "true", columns: str = "*") -> list[tuple]:
    """Give the rows of a recomputed table, in the order of all their columns."""
    return duckdb.sql(f"select {columns} from '{judged.recomputed[table]}' where {where} order by all").fetchall()


def saved(world: World, file: Path) -> Path:
    """Write what is held against each other to a file, as a build has it."""
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "create schema reconciliation; create table reconciliation.recomputed_differences "
            "(table_name varchar, grain varchar, column_name varchar, value varchar, recomputed_value varchar)"
        )
        found = world.query("select * from reconciliation.recomputed_differences")
        connection.executemany("insert into reconciliation.recomputed_differences values (?, ?, ?, ?, ?)", found)
    return file


def test_sql_and_python_say_the_same_of_every_customer(everybody: Judged, warehouse: Warehouse) -> None:
    world = warehouse.build_judged(everybody)
    assert world.query("select * from reconciliation.recomputed_differences") == []
    empty = world.query(
        "select distinct table_name from reconciliation.recomputed_coverage where proof <> 'exempt' and row_count = 0"
    )
    assert {table for (table,) in empty} == {"closed_account_months", "closes", "restated_items", "restatements"}
    assert world.query("select recomputed_customers = customers, is_recomputed_sample from audit.publication") == [
        (True, False)
    ]
    assert world.query(warehouse.data_tests[TOTALS]) == []


@pytest.mark.parametrize("table", OF_CUSTOMERS)
def test_a_sample_says_of_its_customers_what_the_whole_says(everybody: Judged, sample: Judged, table: str) -> None:
    about = recomputed_contract()[table]
    customers = "account_id in ('" + "', '".join(name for (name,) in read(sample, "customers")) + "')"
    assert len(read(sample, "customers")) == SAMPLED
    if about.sample == "months_of_sample":
        # The sample does not know the first month of the company: it knows the first in which one of it paid.
        ((first,),) = read(sample, "fct_account_months", columns="min(month)")
        customers += f" and month >= '{first}'"
    columns = ", ".join(f'"{name}"' for name in about.columns if name not in about.of_all)
    expected = read(everybody, table, where=customers, columns=columns)
    assert read(sample, table, columns=columns) == expected
    assert expected or table in ("closed_account_months", "restated_items", "restatements")


def test_of_a_sample_only_its_customers_are_compared_and_the_publication_says_so(built: World) -> None:
    assert built.query("select * from reconciliation.recomputed_differences") == []
    counts = dict(built.query("select table_name, max(row_count) from reconciliation.recomputed_coverage group by 1"))
    for table, about in recomputed_contract().items():
        if about.sample == "nothing":
            assert counts[table] == 0, table
    assert counts["dim_accounts"] == SAMPLED
    said = built.query("select recomputed_customers, is_recomputed_sample, customers > 4 from audit.publication")
    assert said == [(SAMPLED, True, True)]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_sample_is_the_same_in_any_order_of_rows(
    rows: Rows, sample: Judged, warehouse: Warehouse, tmp_path: Path, *, reverse: bool
) -> None:
    shuffled = {table: entries[::-1] if reverse else sorted(entries, key=str) for table, entries in rows.items()}
    again = warehouse.judge(shuffled, SAMPLE, tmp_path)
    for table in ("customers", *OF_CUSTOMERS):
        assert read(again, table) == read(sample, table)


def test_a_new_customer_moves_at_most_one_other_out_of_the_sample() -> None:
    names = [f"customer-{number}" for number in range(200)]
    before, after = chosen(names, 50), chosen([*names, "a newcomer"], 50)
    assert len(before) == len(after) == 50
    assert len(before - after) <= 1
    assert chosen(names, 500) == set(names)


def falsified(warehouse: Warehouse, changes: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Give the SQL of models with one piece of it changed."""
    for model, (true, _) in changes.items():
        assert true in warehouse.sql(model), model
    return {model: warehouse.sql(model).replace(true, false) for model, (true, false) in changes.items()}


def test_a_falsified_value_of_a_customer_is_named_with_both_values(
    sample: Judged, warehouse: Warehouse, tmp_path: Path
) -> None:
    changes = {
        "int_account_month_attributes": ("coalesce(size_bands.size_band, 'unknown')", "'XXL'"),
        "fct_health_scores": ("else scores.tier", "else 'wonderful'"),
        "int_usage_months": ("coalesce(used.active_days, 0)", "99"),
        "dim_accounts": ("int_customer_lives.started_on,", "date '2020-02-29' as started_on,"),
    }
    world = warehouse.build_judged(sample, replace=falsified(warehouse, changes))
    lines = find_differences(saved(world, tmp_path / "build.duckdb"), most=10_000)
    for table, column, value in (
        ("dim_account_months", "size_band", "XXL"),
        ("fct_health_scores", "tier", "wonderful"),
        ("fct_usage_months", "active_days", "99"),
        ("dim_accounts", "started_on", "2020-02-29"),
    ):
        grain, recomputed = world.query(
            "select grain, recomputed_value from reconciliation.recomputed_differences "
            f"where table_name = '{table}' and column_name = '{column}' and value = '{value}' order by all limit 1"
        )[0]
        (line,) = [line for line in lines if line.startswith(f"{grain} of {table}: ")]
        assert f"{column}: SQL {value}, Python {recomputed}" in line


def test_a_total_that_is_not_the_sum_of_its_customers_is_noticed_without_a_second_opinion(
    sample: Judged, warehouse: Warehouse
) -> None:
    changes = {
        "metric_mrr": ("cast(closing_mrr as decimal(38, 4))", "cast(closing_mrr + 1 as decimal(38, 4))"),
        "metric_grr": ("cast(retained_mrr as", "cast(retained_mrr + 1 as"),
        "int_usage_by_segment": ("when fct_usage_months.has_core_event then 1", "when true then 1"),
        "metric_health_score": (
            "parts.segment_type = 'total' or parts.sample_size > 0",
            "parts.month < date '2025-06-01'",
        ),
    }
    world = warehouse.build_judged(sample, replace=falsified(warehouse, changes))
    noticed = {row[0] for row in world.query(warehouse.data_tests[TOTALS])}
    assert noticed == {"mrr", "grr", "active_account_rate"}
    missing = {row[0] for row in world.query(warehouse.data_tests["assert_every_metric_has_a_total_in_every_month"])}
    assert missing == {"health_score"}
