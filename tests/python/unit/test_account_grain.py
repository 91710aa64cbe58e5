"""SQL and Python customer by customer, and the fixed sample of customers of a company with too many accounts."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random

import duckdb
import pytest
from builders import Settings, Warehouse, World, inventions
from builders.warehouse import Judged, Rows

from orchestration.recompute import account_values
from orchestration.recompute.sample import chosen
from orchestration.recompute.world import World as SecondOpinion
from orchestration.warehouse.differences import find_differences

SAMPLED = 4
REPORTED = [
    f"as_reported_{name}_mrr"
    for name in ("opening", "new", "reactivation", "expansion", "contraction", "churned", "fx", "closing")
]
AS_OF = Settings(date(2025, 6, 15))
SAMPLE = replace(AS_OF, policy={"recompute_all_accounts": 3, "recompute_sample_customers": SAMPLED})
TABLES = ("account_values", "mrr_movements", "account_months")
TIE_OUT_CLASSES = (
    "invoiced", "timing", "proration", "one_off", "usage", "credit_note", "billed_without_contract", "unbilled", "fx",
    "manual_adjustment", "unexplained", "mrr",
)  # fmt: skip
TOTALS = "assert_totals_are_sums_of_account_rows"


@pytest.fixture(scope="module")
def rows() -> Rows:
    """A company with something of everything, and an event whose key comes back in another customer's account."""
    tables = inventions.invent(Random(4), AS_OF, 12)
    first, *_, last = sorted(tables["usage_events"], key=lambda row: row["account_id"])
    assert first["account_id"] != last["account_id"]
    tables["usage_events"] += [
        first | {"account_id": last["account_id"], "_updated_at": "2025-01-01 00:00:00"},
        last | {"account_id": first["account_id"], "quantity": 3},
    ]
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


def read(judged: Judged, table: str, where: str = "true") -> list[tuple]:
    """Give the rows of a recomputed table, in the order of all their columns."""
    return duckdb.sql(f"select * from '{judged.recomputed[table]}' where {where} order by all").fetchall()


def saved(world: World, file: Path) -> Path:
    """Write what is held against each other to a file, as a build has it."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema reconciliation")
        for table in ("metric", "movement", "account"):
            name = f"recomputed_{table}_differences"
            columns = world.query(
                "select column_name, data_type from duckdb_columns() "
                f"where schema_name = 'reconciliation' and table_name = '{name}' order by column_index"
            )
            types = ", ".join(f"{column} {data_type}" for column, data_type in columns)
            connection.execute(f"create table reconciliation.{name} ({types})")
            found = world.query(f"select * from reconciliation.{name} where is_different")
            if found:
                marks = ", ".join("?" for _ in columns)
                connection.executemany(f"insert into reconciliation.{name} values ({marks})", found)
    return file


def test_sql_and_python_say_the_same_of_every_customer(everybody: Judged, warehouse: Warehouse) -> None:
    world = warehouse.build_judged(everybody)
    assert world.query("select * from reconciliation.recomputed_account_differences where is_different") == []
    measures = {measure for (measure,) in world.query("select distinct measure from recomputed.account_values")}
    assert measures == {
        "plan_tier", "size_band", "opening_mrr_12_months", "closing_mrr_12_months", "price_uplift_mrr_12_months",
        "has_lapsed_12_months", "opening_mrr_1_month", "unpaused_mrr", "health_score", "health_tier", "health_coverage",
        "active_days", "started_on", "first_zero_on", "is_onboarding_completed", *REPORTED, "native_mrr_USD",
        "as_was_closing_mrr_12_months", "hierarchy_cause_12_months", "as_was_closing_mrr_1_month",
        "hierarchy_cause_1_month",
        "day_weighted_mrr", *(f"tie_out_{name}" for name in TIE_OUT_CLASSES),
    }  # fmt: skip
    assert world.query("select recomputed_customers = customers, is_recomputed_sample from audit.publication") == [
        (True, False)
    ]
    assert world.query(warehouse.data_tests[TOTALS]) == []


@pytest.mark.parametrize("table", TABLES)
def test_a_sample_says_of_its_customers_what_the_whole_says(everybody: Judged, sample: Judged, table: str) -> None:
    customers = "account_id in ('" + "', '".join(name for (name,) in read(sample, "customers")) + "')"
    assert len(read(sample, "customers")) == SAMPLED
    assert read(sample, table)
    if table == "account_values":
        # The sample does not know the first month of the company: of bills and days it knows its customers' own.
        paid = f"select account_id, month from '{everybody.recomputed['account_months']}'"
        customers += (
            f" and (measure not like 'tie_out_%' and measure <> 'day_weighted_mrr' or (account_id, month) in ({paid}))"
        )
    assert read(sample, table) == read(everybody, table, where=customers)


def test_of_a_sample_only_its_customers_are_compared_and_the_publication_says_so(built: World) -> None:
    assert built.query("select * from reconciliation.recomputed_metric_differences") == []
    for table in ("movement", "account"):
        compared = f"reconciliation.recomputed_{table}_differences"
        assert built.query(f"select * from {compared} where is_different") == []
        assert built.query(f"select count(*) > 0 from {compared}") == [(True,)]
        assert (
            built.query(f"select account_id from {compared} except select account_id from recomputed.customers") == []
        )
    said = built.query("select recomputed_customers, is_recomputed_sample, customers > 4 from audit.publication")
    assert said == [(SAMPLED, True, True)]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_sample_is_the_same_in_any_order_of_rows(
    rows: Rows, sample: Judged, warehouse: Warehouse, tmp_path: Path, *, reverse: bool
) -> None:
    shuffled = {table: entries[::-1] if reverse else sorted(entries, key=str) for table, entries in rows.items()}
    again = warehouse.judge(shuffled, SAMPLE, tmp_path)
    for table in ("customers", *TABLES):
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
    for measure, value in (
        ("size_band", "XXL"),
        ("health_tier", "wonderful"),
        ("active_days", "99"),
        ("started_on", "2020-02-29"),
    ):
        account_id, month, recomputed = world.query(
            "select account_id, strftime(month, '%Y-%m'), recomputed_value "
            "from reconciliation.recomputed_account_differences "
            f"where is_different and measure = '{measure}' and value = '{value}' order by all limit 1"
        )[0]
        assert f"{measure} of {account_id} {month}: value: SQL {value}, Python {recomputed}" in lines


def test_a_total_that_is_not_the_sum_of_its_customers_is_noticed_without_a_second_opinion(
    sample: Judged, warehouse: Warehouse
) -> None:
    changes = {
        "metric_mrr": ("cast(closing_mrr as decimal(38, 4))", "cast(closing_mrr + 1 as decimal(38, 4))"),
        "metric_grr": ("cast(retained_mrr as", "cast(retained_mrr + 1 as"),
        "int_usage_by_segment": ("when fct_usage_months.has_core_event then 1", "when true then 1"),
        "metric_health_score": ("segment_type = 'total' or sample_size > 0", "month < date '2025-06-01'"),
    }
    world = warehouse.build_judged(sample, replace=falsified(warehouse, changes))
    noticed = {row[0] for row in world.query(warehouse.data_tests[TOTALS])}
    assert noticed == {"mrr", "grr", "active_account_rate"}
    missing = {row[0] for row in world.query(warehouse.data_tests["assert_every_metric_has_a_total_in_every_month"])}
    assert missing == {"health_score"}


def test_values_are_written_alike_wherever_they_come_from(sample: Judged) -> None:
    values = set(account_values(SecondOpinion(sample.raw_folder, sample.settings)))
    by_measure = {measure: value for _, _, measure, value in sorted(values)}
    assert len(by_measure["opening_mrr_1_month"].partition(".")[2]) == 4
    assert by_measure["has_lapsed_12_months"] in ("true", "false")
    assert date.fromisoformat(by_measure["started_on"])
    assert by_measure["active_days"].isdecimal()
