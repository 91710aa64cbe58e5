"""Write, audit, publish: readers see the whole of a new publication, or nothing of it."""

import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from orchestration.publication import history
from orchestration.warehouse.database import NAME, attach, in_memory, literal

PUBLISHED_SCHEMAS = ("marts", "metrics", "reconciliation", "audit")


class PublicationError(Exception):
    """Why nothing was published."""


def publish(
    build_file: Path,
    published_file: Path,
    build_id: str,
    check_results: Iterable[tuple[Any, ...]],
    *,
    steps: Iterable[tuple[str, datetime, float]] = (),
    outputs: Iterable[Callable[[Path], None]] = (),
    keep: int = 7,
    **about: object,
) -> dict[str, int]:
    """Copy the published schemas of a finished build into a new file and switch readers to it.

    Tables only, with their keys, NOT NULLs and comments. Each of `outputs` writes something more into the folder that
    it is given, which is switched to together with the file. Of a check in `check_results` its columns but
    the build are given, in their order. `about` goes into the record. Returns rows by table.
    Raises PublicationError, and leaves what is published as it was, when a count differs or the build is another one.
    """
    making = history.begin(published_file.parent, build_id)
    try:
        counts = _write(build_file, making / published_file.name, build_id, check_results, steps)
        for output in outputs:
            output(making)
        history.commit(making, build_id, keep, **about)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return counts


def _write(
    build_file: Path,
    new_file: Path,
    build_id: str,
    check_results: Iterable[tuple[Any, ...]],
    steps: Iterable[tuple[str, datetime, float]],
) -> dict[str, int]:
    counts: dict[str, int] = {}
    started = time.monotonic(), datetime.now(UTC)
    with in_memory() as connection:
        attach(connection, build_file, NAME, read_only=True)
        # Clients from 1.1.3 on read this storage version.
        attach(connection, new_file, "published", read_only=False, storage_version="v1.0.0")
        built = connection.execute("select build_id from keizoku.state.run_settings").fetchall()
        if built != [(build_id,)]:
            raise PublicationError(f"The build database holds build {built}, not {build_id}: run the whole refresh.")
        tables = connection.execute(
            "select schema_name, table_name, sql, comment from duckdb_tables() "
            "where database_name = 'keizoku' and list_contains(?, schema_name) order by 1, 2",
            [list(PUBLISHED_SCHEMAS)],
        ).fetchall()
        column_comments = defaultdict(list)
        for schema, table, column, comment in connection.execute(
            "select schema_name, table_name, column_name, comment from duckdb_columns() where database_name = 'keizoku'"
        ).fetchall():
            column_comments[schema, table].append((column, comment))
        connection.execute("begin")
        for schema in PUBLISHED_SCHEMAS:
            connection.execute(f"create schema if not exists published.{schema}")
        for schema, table, ddl, comment in tables:
            source, copy = f'keizoku."{schema}"."{table}"', f'published."{schema}"."{table}"'
            # duckdb_tables().sql starts with CREATE TABLE [database.]schema.table(; only the name changes.
            connection.execute(f"create table {copy}{ddl[ddl.index('(') :]}")
            columns = [column for column, _ in column_comments[schema, table]]
            connection.execute(f"insert into {copy} select * from {source}{_order(columns)}")
            _comment(connection, "table", copy, comment)
            for column, column_comment in column_comments[schema, table]:
                _comment(connection, "column", f'{copy}."{column}"', column_comment)
            read, written = (
                connection.execute(f"select count(*) from {name}").fetchall()[0][0] for name in (source, copy)
            )
            if read != written:
                raise PublicationError(f"{schema}.{table}: {read} rows built, {written} rows written.")
            counts[f"{schema}.{table}"] = written
        _write_check_results(connection, build_id, check_results)
        _write_run_steps(connection, build_id, [*steps, ("publication", started[1], time.monotonic() - started[0])])
        connection.execute("commit")
        connection.execute("checkpoint published")
        connection.execute("detach published")
    return counts


def _order(columns: list[str]) -> str:
    """How a table is laid out: what belongs to one customer together, so that a reader of one skips the others."""
    if "account_id" not in columns:
        return ""
    return " order by account_id" + (", month" if "month" in columns else "")


def _write_check_results(
    connection: duckdb.DuckDBPyConnection, build_id: str, results: Iterable[tuple[Any, ...]]
) -> None:
    _write_table(
        connection,
        "check_results",
        "One row per check that ran before publication. All of them passed or warned.",
        {
            "check_name": ("varchar primary key", "Name of the check."),
            "status": ("varchar not null", "pass or warn."),
            "row_count": ("bigint not null", "Rows that it found; 0 when it passed."),
            "description_en": ("varchar not null", "What is wrong when it does not pass, in English."),
            "description_ja": ("varchar not null", "The same in Japanese."),
            "concerns_en": ("varchar not null", "Whom that concerns, in English."),
            "concerns_ja": ("varchar not null", "The same in Japanese."),
            "look_at": ("varchar not null", "Where to look: a table of this file, or of the build."),
            "build_id": ("varchar not null", "Build that was checked."),
        },
        [(*row, build_id) for row in results],
    )


def _write_run_steps(
    connection: duckdb.DuckDBPyConnection, build_id: str, steps: Iterable[tuple[str, datetime, float]]
) -> None:
    _write_table(
        connection,
        "run_steps",
        "One row per step of the run that published this file.",
        {
            "step": ("varchar primary key", "raw, recomputed, dbt or publication (up to the copying of the tables)."),
            "build_id": ("varchar not null", "Build that the step was part of."),
            "seconds": ("decimal(18,4) not null", "How long it took; of a step that ran several times, the last time."),
            "started_at": ("timestamp not null", "When it started, UTC."),
        },
        [
            (step, build_id, Decimal(f"{seconds:.4f}"), at.astimezone(UTC).replace(tzinfo=None))
            for step, at, seconds in steps
        ],
    )


def _write_table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    comment: str,
    columns: dict[str, tuple[str, str]],
    rows: list[tuple[Any, ...]],
) -> None:
    name = f"published.audit.{table}"
    connection.execute(
        f"create table {name} ({', '.join(f'{column} {kind}' for column, (kind, _) in columns.items())})"
    )
    if rows:
        connection.executemany(f"insert into {name} values ({', '.join('?' * len(columns))})", rows)
    _comment(connection, "table", name, comment)
    for column, (_, text) in columns.items():
        _comment(connection, "column", f"{name}.{column}", text)


def _comment(connection: duckdb.DuckDBPyConnection, kind: str, name: str, text: str | None) -> None:
    if text:
        connection.execute(f"comment on {kind} {name} is {literal(text)}")
