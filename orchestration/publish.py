"""Write, audit, publish: the published file is replaced in one step, or not at all."""

import os
from pathlib import Path

import duckdb

PUBLISHED_SCHEMAS = ("marts", "metrics", "reconciliation", "audit")


class PublicationError(Exception):
    """Why nothing was published."""


def publish(build_file: Path, published_file: Path, build_id: str, check_results: list[tuple[str, str, str]]) -> dict[str, int]:
    """Copy the published schemas of a finished build into a new file and swap it in.

    Tables only, with their keys, NOT NULLs and comments. Returns rows by table.
    Raises PublicationError, and leaves the published file as it was, when a count differs or the build is another one.
    """
    published_file.parent.mkdir(parents=True, exist_ok=True)
    new_file = published_file.with_name(f".{published_file.stem}-{build_id}.duckdb")
    new_file.unlink(missing_ok=True)
    try:
        counts = _write(build_file, new_file, build_id, check_results)
        _sync(new_file)
        new_file.replace(published_file)
        _sync(published_file.parent)
    finally:
        new_file.unlink(missing_ok=True)
        new_file.with_name(new_file.name + ".wal").unlink(missing_ok=True)
    return counts


def _write(build_file: Path, new_file: Path, build_id: str, check_results: list[tuple[str, str, str]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {_literal(build_file)} as keizoku (read_only)")
        # Clients from 1.1.3 on read this storage version.
        connection.execute(f"attach {_literal(new_file)} as published (storage_version 'v1.0.0')")
        built = connection.execute("select build_id from keizoku.state.run_settings").fetchall()
        if built != [(build_id,)]:
            raise PublicationError(f"The build database holds build {built}, not {build_id}: run the whole refresh.")
        tables = connection.execute(
            "select schema_name, table_name, sql, comment from duckdb_tables() "
            "where database_name = 'keizoku' and list_contains(?, schema_name) order by 1, 2",
            [list(PUBLISHED_SCHEMAS)],
        ).fetchall()
        for schema in PUBLISHED_SCHEMAS:
            connection.execute(f"create schema if not exists published.{schema}")
        for schema, table, ddl, comment in tables:
            source, copy = f'keizoku."{schema}"."{table}"', f'published."{schema}"."{table}"'
            # duckdb_tables().sql starts with CREATE TABLE [database.]schema.table(; only the name changes.
            connection.execute(f"create table {copy}{ddl[ddl.index('('):]}")
            connection.execute(f"insert into {copy} select * from {source}")
            _comment(connection, "table", copy, comment)
            for column, column_comment in connection.execute(
                "select column_name, comment from duckdb_columns() "
                "where database_name = 'keizoku' and schema_name = ? and table_name = ?",
                [schema, table],
            ).fetchall():
                _comment(connection, "column", f'{copy}."{column}"', column_comment)
            read, written = (connection.execute(f"select count(*) from {name}").fetchone()[0] for name in (source, copy))
            if read != written:
                raise PublicationError(f"{schema}.{table}: {read} rows built, {written} rows written.")
            counts[f"{schema}.{table}"] = written
        _write_check_results(connection, build_id, check_results)
        connection.execute("checkpoint published")
        connection.execute("detach published")
    return counts


def _write_check_results(connection: duckdb.DuckDBPyConnection, build_id: str, results: list[tuple[str, str, str]]) -> None:
    table = "published.audit.check_results"
    connection.execute(
        f"create table {table} (check_name varchar not null, status varchar not null, message varchar, "
        "build_id varchar not null, primary key (check_name))"
    )
    if results:
        connection.executemany(f"insert into {table} values (?, ?, ?, ?)", [(*row, build_id) for row in results])
    _comment(connection, "table", table, "One row per check that ran before publication. All of them passed or warned.")
    for column, text in {
        "check_name": "Name of the check.",
        "status": "pass or warn.",
        "message": "What it found, when it warned.",
        "build_id": "Build that was checked.",
    }.items():
        _comment(connection, "column", f"{table}.{column}", text)


def _comment(connection: duckdb.DuckDBPyConnection, kind: str, name: str, text: str | None) -> None:
    if text:
        connection.execute(f"comment on {kind} {name} is {_literal(text)}")


def _literal(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
