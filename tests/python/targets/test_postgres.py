"""The models give on PostgreSQL what they give on DuckDB, cell by cell: one dialect for every engine."""

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg2.extras
import pytest
from builders import Warehouse, World
from builders.dirt import faults
from builders.engines import LOADED, compare, dirty_world, golden_world, relations
from builders.postgres_server import PostgresServer
from builders.refreshes import PROJECT

from orchestration.landing import load_contract

# A row of these is a fault: SQL and Python agree on a dirty company as on any other.
DISAGREEMENTS = {"reconciliation.recomputed_differences", "reconciliation.recomputed_metric_differences"}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A running PostgreSQL."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where dbt keeps what it has parsed, so that a second build need not."""
    return tmp_path_factory.mktemp("postgres")


@pytest.fixture(scope="module", name="golden_world")
def _golden_world(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> World:
    return golden_world(warehouse, tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="module", name="dirty_world")
def _dirty_world(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> World:
    return dirty_world(warehouse, tmp_path_factory.mktemp("dirty"))


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
    differences = list(compare(on_duckdb, "PostgreSQL", partial(read, server)))
    assert not differences, "\n\n".join(differences)


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


def read(server: PostgresServer, relation: str) -> tuple[list[str], list[tuple]]:
    """Columns and rows of a relation."""
    connection = server.connect()
    with connection.cursor() as cursor:
        cursor.execute(f"select * from {relation}")
        found = [column.name for column in cursor.description], cursor.fetchall()
    connection.close()
    return found
