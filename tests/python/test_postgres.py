"""The models give on PostgreSQL what they give on DuckDB, cell by cell: one dialect for every engine."""

import datetime as dt
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random

import psycopg2.extras
import pytest
from postgres_server import PostgresServer
from worlds import Settings, Warehouse, World
from worlds.dirt import soiled
from worlds.inventions import invent
from worlds.warehouse import write_raw

from orchestration.recompute import World as SecondOpinion
from orchestration.recompute import write_all

PROJECT = Path(__file__).resolve().parents[2]
GOLDEN = PROJECT / "tests" / "golden" / "g1" / "raw"
LOADED = ("raw", "state", "recomputed")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


def dirty_world(folder: Path) -> tuple[Path, Settings]:
    """A company with something of everything, and rows that break every rule of the contract."""
    settings = Settings(dt.date(2025, 6, 15), accept_rejects=True)
    return write_raw(folder, soiled(invent(Random(7), settings, customers=45), settings)), settings


def golden_world(folder: Path) -> tuple[Path, Settings]:
    return GOLDEN, Settings(dt.date(2025, 12, 31))


@pytest.mark.parametrize("world", [golden_world, dirty_world])
def test_every_cell_of_every_model_is_the_same_on_postgresql(
    world, server: PostgresServer, warehouse: Warehouse, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    raw_folder, settings = world(tmp_path / "raw")
    write_all(SecondOpinion(raw_folder, settings), tmp_path)
    recomputed = {file.stem: file for file in tmp_path.glob("*.parquet")}
    on_duckdb = warehouse.build_folder(raw_folder, settings, recomputed=recomputed)
    load(on_duckdb, server)
    dbt_build(server, tmp_path_factory.getbasetemp() / "postgres")
    differences = list(compare(on_duckdb, server))
    assert not differences, "\n\n".join(differences)


def load(world: World, server: PostgresServer) -> None:
    """Copy what landing and the second opinion made into a new database, in the types that they have."""
    server.new_database()
    with server.connect() as connection, connection.cursor() as cursor:
        for schema in LOADED:
            cursor.execute(f"create schema {schema}")
            columns = world.query(
                "select table_name, column_name, data_type from duckdb_columns() "
                "where database_name = 'keizoku' and schema_name = $1 order by table_oid, column_index",
                [schema],
            )
            for table in dict.fromkeys(row[0] for row in columns):
                types = ", ".join(f"{name} {data_type}" for owner, name, data_type in columns if owner == table)
                cursor.execute(f"create table {schema}.{table} ({types})")
                psycopg2.extras.execute_values(
                    cursor, f"insert into {schema}.{table} values %s", world.query(f"select * from {schema}.{table}")
                )
    connection.close()


def dbt_build(server: PostgresServer, target: Path) -> None:
    command = [Path(sys.executable).with_name("dbt"), "--quiet", "build", "--target", "postgres"]
    result = subprocess.run(
        [*command, "--exclude-resource-type", "unit_test", "--target-path", target, "--log-path", target],
        cwd=PROJECT,
        env=os.environ | server.environment | {"DBT_PROFILES_DIR": str(PROJECT / "profiles"), "KEIZOKU_BUILD": ":memory:"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"The project does not build on PostgreSQL:\n{result.stdout}{result.stderr}"


def compare(on_duckdb: World, server: PostgresServer) -> Iterator[str]:
    """Yield a few lines about each relation that is not the same on both engines, in the order of their making."""
    relations = on_duckdb.query(
        """
        select schema_name || '.' || table_name from (
            select schema_name, table_name, table_oid from duckdb_tables() where database_name = 'keizoku'
            union all
            select schema_name, view_name, view_oid from duckdb_views() where database_name = 'keizoku' and not internal
        ) order by table_oid
        """
    )
    connection = server.connect()
    for (relation,) in relations:
        with connection.cursor() as cursor:
            cursor.execute(f"select * from {relation}")
            names = [column.name for column in cursor.description]
            theirs = Counter(tuple(cell(value) for value in row) for row in cursor.fetchall())
        ours_names = [row[0] for row in on_duckdb.query(f"describe {relation}")]
        if names != ours_names:
            yield f"{relation}: columns {names} on PostgreSQL, {ours_names} on DuckDB"
            continue
        ours = Counter(tuple(cell(value) for value in row) for row in on_duckdb.query(f"select * from {relation}"))
        if ours != theirs:
            yield f"{relation} ({', '.join(names)})\n" + "\n".join(
                f"  only on {engine} ({sum(rows.values())} of {sum(all_rows.values())}): {row}"
                for engine, rows, all_rows in (("DuckDB", ours - theirs, ours), ("PostgreSQL", theirs - ours, theirs))
                for row in sorted(rows, key=repr)[:3]
            )
    connection.close()


def cell(value: object) -> object:
    """A value as both engines must have it: kind and content; a number is a number whatever its type."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, int | Decimal):
        return Decimal(value)
    return value
