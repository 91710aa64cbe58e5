"""The models give on Spark what they give on DuckDB, cell by cell. Run by `make test-spark`; needs Java 17."""

import os
import subprocess
import sys
from datetime import date
from functools import partial
from pathlib import Path

from builders import Warehouse, World
from builders.engines import LOADED, compare, golden_world
from builders.refreshes import PROJECT
from builders.spark_server import SparkServer


def test_every_cell_of_every_model_is_the_same_on_spark(warehouse: Warehouse, tmp_path: Path) -> None:
    on_duckdb = golden_world(warehouse, tmp_path)
    with SparkServer() as server:
        load(on_duckdb, server)
        build_on_spark(server, tmp_path / "target")
        differences = list(compare(on_duckdb, "Spark", partial(read, server)))
    assert not differences, "\n\n".join(differences)


def load(world: World, server: SparkServer) -> None:
    """Give Spark what landing and the second opinion made, as parquet."""
    with server.connect() as connection, connection.cursor() as cursor:
        for schema in LOADED:
            cursor.execute(f"create schema {schema}")
            tables = world.query(
                "select distinct table_name from duckdb_columns() where database_name = 'keizoku' and schema_name = $1",
                [schema],
            )
            for (table,) in tables:
                folder = server.folder / "loaded" / schema / table
                folder.mkdir(parents=True)
                world.query(f"copy (from {schema}.{table}) to '{folder / 'part.parquet'}' (format parquet)")
                cursor.execute(f"create table {schema}.{table} using parquet location '{folder}'")


def build_on_spark(server: SparkServer, target: Path) -> None:
    """Build and check everything, as a refresh does."""
    result = subprocess.run(
        [
            *(Path(sys.executable).with_name("dbt"), "--quiet", "--no-use-colors", "build", "--target", "spark"),
            *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure"),
            *("--target-path", target, "--log-path", target / "logs"),
        ],
        cwd=PROJECT,
        env=os.environ | server.environment | {"DBT_PROFILES_DIR": str(PROJECT / "profiles")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"The project does not build on Spark:\n{result.stdout}{result.stderr}"


def read(server: SparkServer, relation: str) -> tuple[list[str], list[tuple]]:
    """Columns and rows of a relation. Days come over the wire as text."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"select * from {relation}")
        columns = [name.rpartition(".")[2] for name, *_ in cursor.description]
        readers = [date.fromisoformat if kind == "DATE_TYPE" else _as_it_is for _, kind, *_ in cursor.description]
        rows = [
            tuple(None if value is None else as_python(value) for as_python, value in zip(readers, row, strict=True))
            for row in cursor.fetchall()
        ]
        return columns, rows


def _as_it_is(value: object) -> object:
    return value
