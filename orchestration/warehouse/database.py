"""How a DuckDB file is opened: in UTC, under the name that the SQL knows it by. The one place that attaches one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

NAME = "keizoku"  # of the database, in compiled SQL and in dbt's profile


def literal(text: object) -> str:
    """Quote a text as SQL."""
    return "'" + str(text).replace("'", "''") + "'"


@contextmanager
def in_memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database without a file; instants are shown in UTC."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


@contextmanager
def attached(file: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a build database under the name by which compiled SQL knows it; it is the one in use."""
    with in_memory() as connection:
        attach(connection, file, NAME, read_only=read_only)
        connection.execute(f"use {NAME}")
        yield connection


def attach(
    connection: duckdb.DuckDBPyConnection, file: Path, name: str, *, read_only: bool, storage_version: str | None = None
) -> None:
    """Attach one more file to an open connection; a new one in the storage version that its readers know."""
    options = ["read_only"] if read_only else []
    options += [f"storage_version {literal(storage_version)}"] if storage_version else []
    connection.execute(f"attach {literal(file)} as {name}" + (f" ({', '.join(options)})" if options else ""))
