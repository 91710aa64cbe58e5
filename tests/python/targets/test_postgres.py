"""The models give on PostgreSQL what they give on DuckDB, cell by cell: one dialect for every engine."""

import csv
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import psycopg2.extras
import pytest
from builders import Company, Settings, Warehouse, World
from builders.dirt import faults, invent_dirty
from builders.postgres_server import PostgresServer
from builders.warehouse import write_raw

from orchestration import recompute
from orchestration.closing import close as closing
from orchestration.closing import store as state
from orchestration.landing import load_contract

PROJECT = Path(__file__).resolve().parents[3]
GOLDEN = PROJECT / "tests" / "golden" / "g1" / "raw"
# What models read and dbt does not make.
LOADED = ("raw", "state", "recomputed")
# A row of these is a fault: SQL and Python agree on a dirty company as on any other.
DISAGREEMENTS = {"reconciliation.recomputed_differences", "reconciliation.recomputed_metric_differences"}
# Products of twelve ratios come from logarithms, which are floating-point numbers: as many digits hold.
COMPOUNDED = ("nrr_compounded", "grr_compounded")
COMPOUNDED_TOLERANCE = Decimal("1e-12")
LOGARITHMS = "intermediate.int_compounded_retention"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A running PostgreSQL."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where dbt keeps what it has parsed, so that a second build need not."""
    return tmp_path_factory.mktemp("postgres")


@pytest.fixture(scope="module")
def golden_world(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The golden fixture on DuckDB."""
    return build_on_duckdb(warehouse, GOLDEN, Settings(date(2025, 12, 31)), tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="module")
def dirty_world(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> World:
    """On DuckDB, a company with something of everything, and with rows that break every rule of the contract."""
    folder = tmp_path_factory.mktemp("dirty")
    company = Company(warehouse, "2025-06-15", accept_rejects=True)
    # What chance brings seldom: a late renewal, a rate that changes, a higher price, a currency in lower case.
    company.add("exchange_rates", rate_date="2025-02-03", base_currency="USD", rate="163.5")
    ended = company.subscription("late", "2024-10-10", "2025-03-31")
    company.item(ended, 1000, currency="usd")
    company.item(company.subscription("late", "2025-04-20", replaces_subscription_id=ended), 1200)
    company.change(company.sell("dearer", 1000, "2024-01-10"), "2025-02-10", unit_amount=1500)
    company.sell("corrected", 1000, "2024-01-10")
    (*_, corrected) = company.tables["subscription_item_versions"]
    rows = invent_dirty(Random(15), company.settings, companies=65).raw()
    for table in company.tables.keys() - {"products"}:
        rows[table] += company.tables[table]
    # A table of which nothing is left.
    rows["success_plans"] = [{"plan_id": "lost", "account_id": "nobody's", "goal": "grow"}]
    # Closed months: one in which a publication saw something move, one that was reopened.
    settings = replace(company.settings, home=folder, delivered_at=datetime(2025, 6, 15, 3))
    world = warehouse.build_folder(write_raw(folder / "before", rows), settings)
    world.connection.execute(
        "update audit.publication set has_accepted_rejects = false; "
        "update reconciliation.mrr_to_invoices set is_breach = false; "
        "update reconciliation.mrr_to_revenue set is_breach = false; "
        "update reconciliation.reported_metric_differences set is_breach = false"
    )
    by, signed = closing.about(world.connection), closing.Signature("Sato", "Tanaka", "sato")
    for month in (date(2025, 3, 1), date(2025, 4, 1)):
        closing.lock(world.connection, folder, state.verify(folder), month, signed, date(2025, 6, 15))
    corrected["quantity"] = Decimal(3)
    raw_folder = write_raw(folder / "raw", rows)
    add_unknown_column(raw_folder / "features.csv")
    world = warehouse.build_folder(raw_folder, settings, ("restatements",))
    closing.log_differences(world.connection, settings, state.verify(folder)[-1], "reconciliation.restatements")
    closing.reopen(folder, date(2025, 3, 1), "why", signed, by)
    return build_on_duckdb(warehouse, raw_folder, settings, folder)


def test_the_dirty_world_has_rows_and_values_everywhere(dirty_world: World) -> None:
    empty = {name for name in relations(dirty_world) if not dirty_world.query(f"select 1 from {name} limit 1")}
    assert empty == DISAGREEMENTS
    assert dirty_world.query("select metric_key from metrics.metric_values group by all having count(value) = 0") == []


def test_the_dirty_world_breaks_every_rule(dirty_world: World) -> None:
    broken = {rule for (rule,) in dirty_world.query("select distinct rule from audit.quarantined_rows")}
    assert broken == {rule for table in load_contract() for rule in faults(table)} - {"duplicate", "deleted"}


@pytest.mark.parametrize("world", ["golden_world", "dirty_world"])
def test_every_cell_of_every_model_is_the_same_on_postgresql(
    world: str, server: PostgresServer, target: Path, request: pytest.FixtureRequest
) -> None:
    on_duckdb = request.getfixturevalue(world)
    load(on_duckdb, server)
    build_on_postgresql(server, target)
    differences = list(compare(on_duckdb, server))
    assert not differences, "\n\n".join(differences)


def build_on_duckdb(warehouse: Warehouse, raw_folder: Path, settings: Settings, folder: Path) -> World:
    recompute.write_all(recompute.World(raw_folder, settings), folder / "recomputed")
    recomputed = {file.stem: file for file in (folder / "recomputed").iterdir()}
    return warehouse.build_folder(raw_folder, settings, recomputed=recomputed)


def add_unknown_column(file: Path) -> None:
    """Add a column that the contract does not know."""
    with file.open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    with file.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([[*header, "colour"], *([*row, "red"] for row in rows)])


def load(world: World, server: PostgresServer) -> None:
    """Copy what landing and the second opinion made into a new database, in the types that it has on DuckDB."""
    server.new_database()
    with server.connect() as connection, connection.cursor() as cursor:
        for schema in LOADED:
            cursor.execute(f"create schema {schema}")
            columns = world.query(
                "select table_name, column_name, data_type from duckdb_columns() "
                "where database_name = 'keizoku' and schema_name = $1 order by table_oid, column_index",
                [schema],
            )
            for table in dict.fromkeys(name for name, _, _ in columns):
                types = ", ".join(f"{column} {data_type}" for name, column, data_type in columns if name == table)
                cursor.execute(f"create table {schema}.{table} ({types})")
                rows = world.query(f"select * from {schema}.{table}")
                psycopg2.extras.execute_values(cursor, f"insert into {schema}.{table} values %s", rows)
    connection.close()


def build_on_postgresql(server: PostgresServer, target: Path) -> None:
    """Build and check everything, as a refresh does."""
    result = subprocess.run(
        [
            *(Path(sys.executable).with_name("dbt"), "--quiet", "--no-use-colors", "build", "--target", "postgres"),
            *(
                "--exclude-resource-type",
                "unit_test",
                "--exclude-resource-type",
                "exposure",
                "--target-path",
                target,
                "--log-path",
                target / "logs",
            ),
            # The books of invented customers need not tie in a month that was closed all the same.
            *("--exclude", "assert_tie_outs_hold_in_closed_months"),
        ],
        cwd=PROJECT,
        env=os.environ | server.environment | {"DBT_PROFILES_DIR": str(PROJECT / "profiles")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"The project does not build on PostgreSQL:\n{result.stdout}{result.stderr}"


def relations(world: World) -> list[str]:
    """Give what was built, in the order of its making."""
    found = world.query(
        """
        select schema_name || '.' || relation_name
        from (
            select schema_name, table_name as relation_name, table_oid as made, database_name from duckdb_tables()
            union all
            select schema_name, view_name, view_oid, database_name from duckdb_views() where not internal
        )
        where database_name = 'keizoku' order by made
        """
    )
    return [name for (name,) in found]


def compare(on_duckdb: World, server: PostgresServer) -> Iterator[str]:
    """Yield, for each relation that is not the same on both engines, what either has and the other has not."""
    connection = server.connect()
    for relation in relations(on_duckdb):
        with connection.cursor() as cursor:
            cursor.execute(f"select * from {relation}")
            their_columns, their_rows = [column.name for column in cursor.description], _counted(cursor.fetchall())
        columns = [row[0] for row in on_duckdb.query(f"describe {relation}")]
        if their_columns != columns:
            yield f"{relation}: the columns are {columns} on DuckDB, {their_columns} on PostgreSQL"
            continue
        rows = _counted(on_duckdb.query(f"select * from {relation}"))
        only_ours, only_theirs = (sorted(only.elements(), key=repr) for only in (rows - their_rows, their_rows - rows))
        if len(only_ours) == len(only_theirs) and all(
            _are_alike(relation, *pair) for pair in zip(only_ours, only_theirs, strict=True)
        ):
            continue
        yield "\n".join(
            [
                f"{relation} ({', '.join(columns)})",
                *(f"  only on DuckDB: {row}" for row in only_ours[:3]),
                *(f"  only on PostgreSQL: {row}" for row in only_theirs[:3]),
            ]
        )
    connection.close()


def _counted(rows: list[tuple]) -> Counter:
    return Counter(tuple(_cell(value) for value in row) for row in rows)


def _cell(value: object) -> object:
    """A number is a number whatever its type, but true is not 1."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return ("boolean", value) if isinstance(value, bool) else value


def _are_alike(relation: str, row: tuple, their_row: tuple) -> bool:
    """Tell whether rows that differ are those of one compounded rate, or of the logarithms that it comes from."""
    return (relation == LOGARITHMS or row[0] in COMPOUNDED) and all(
        cell == their_cell
        or (
            isinstance(cell, Decimal | float)
            and isinstance(their_cell, Decimal | float)
            and abs(Decimal(cell) - Decimal(their_cell)) <= COMPOUNDED_TOLERANCE * max(1, abs(Decimal(cell)))
        )
        for cell, their_cell in zip(row, their_row, strict=True)
    )
