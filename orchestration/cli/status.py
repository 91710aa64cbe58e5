"""`make status`: what readers see, what it was made from, what is kept, and what went wrong last."""

import argparse
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from orchestration.cli.output import can_show, complain, say
from orchestration.closing import store as state
from orchestration.operations import failures, lock
from orchestration.publication import history
from orchestration.reports.warnings import told, warnings
from orchestration.settings import SettingsError, read_settings, saved_settings
from orchestration.warehouse.database import attached, limits


def main(arguments: list[str]) -> int:
    """Print the status; 0 when something is published."""
    argparse.ArgumentParser(prog="keizoku status", description=__doc__).parse_args(arguments)
    try:
        settings = read_settings()
        limits()
    except SettingsError as error:
        complain(error)
        return 1
    published = settings.published_file
    is_published = published.is_file()
    if is_published:
        try:
            if history.identify(published.parent) is None:
                raise duckdb.IOException("It is torn, or no publication.")
            with attached(published, read_only=True) as connection:
                for title, lines in _publication(connection, published.parent, settings.time_zone):
                    _print(title, lines)
            _print("Closed", _closed(settings.home))
        except duckdb.Error as error:
            is_published = False
            say(f"{published} cannot be read. `make run` publishes anew, `make rollback` goes back.\n{error}")
    else:
        say(f"Nothing is published in {settings.home}. `make run` does it.")
    if history.kept(published.parent):
        _print("History", _history(published.parent, settings.time_zone))
    _print("Now", _now(settings.home))
    return 0 if is_published else 1


def _publication(connection: duckdb.DuckDBPyConnection, published: Path, zone: str) -> Iterable[tuple[str, list[str]]]:
    about = _rows(connection, "select build_id, as_of_date, currency, time_zone from audit.publication")
    for build_id, as_of, currency, time_zone in about:
        lines = [f"build {build_id}", f"as of {as_of} ({currency}, {time_zone})", str(published / history.FILE)]
        switches = history.records(published)
        if switches:
            lines.insert(2, f"{switches[-1]['action']} {_local(switches[-1]['at'], zone)}")
        if _rows(connection, "select 1 from audit.publication where is_simulation"):
            lines.insert(2, "a simulation: that day had not come when it was computed")
        yield "Published", lines
    checks = _rows(connection, "select status, check_name from audit.check_results order by 1, 2")
    counts = ", ".join(f"{sum(1 for check in checks if check[0] == status)} {word}" for status, word in _CHECKS)
    try:
        warned = told(warnings(connection), japanese=can_show("月次"))
    except (duckdb.CatalogException, duckdb.BinderException):  # of a version that had no words for them
        warned = [f"- {name}" for status, name in checks if status == "warn"]
    yield "Checks", [counts, *warned]
    steps = _rows(connection, "select step, seconds from audit.run_steps order by started_at")
    yield "Steps", [f"{step:<12} {seconds:8.1f} s" for step, seconds in steps]
    yield "Raw tables", _tables(connection)
    yield "Not read", _not_read(connection)


_CHECKS = (("pass", "passed"), ("warn", "warned"))


def _tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Rows and newest day of each source table that was brought."""
    rows = _rows(
        connection,
        """
        select table_name, read, row_counts.accepted, rejected, deleted, duplicate, newest_on,
            case when is_stale then 'stale' when is_low_volume then 'few rows' else '' end
        from audit.row_counts left join audit.freshness using (table_name)
        where read > 0 order by all
        """,
    )
    if not rows:
        return []
    header = ("table", "read", "accepted", "rejected", "deleted", "duplicate", "data through", "")
    cells = [
        header,
        *(
            (table, *(f"{count:,}" for count in counts), str(newest or "-"), mark)
            for table, *counts, newest, mark in rows
        ),
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return [
        "  ".join(
            cell.ljust(width) if column in (0, 7) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _not_read(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Files, and columns of the files that were read, which no figure knows; words that were read as others."""
    files = _rows(connection, "select path from audit.raw_files where table_name is null order by 1")
    columns = _rows(
        connection,
        "select table_name, string_agg(distinct column_name, ', ' order by column_name) from audit.unknown_columns "
        "group by 1 order by 1",
    )
    words = _rows(
        connection,
        "select table_name, column_name, word, read_as, row_count from audit.folded_words order by all",
    )
    return [
        *(f"{path}: no table has this name" for (path,) in files),
        *(f"columns of {table} that the contract does not know: {names}" for table, names in columns),
        *(
            f"{table}.{column}: {word!r} is read as {meant!r} ({count:,} rows)"
            for table, column, word, meant, count in words
        ),
    ]


def _closed(home: Path) -> list[str]:
    """The months that readers see closed, and what has moved in them since; then what the store knows besides."""
    try:
        stored = state.verify(home)
    except state.StateError as error:
        return str(error).splitlines()
    with attached(home / "published" / history.FILE, read_only=True) as connection:
        about = "from reconciliation.closes where is_in_force order by month"
        shown = _rows(connection, f"select month, made_by, approved_by {about}") or _rows(
            connection, f"select month, made_by, null {about}"
        )
        seen = {number for (number,) in _rows(connection, "select entry_number from reconciliation.closes")}
        moved = _rows(
            connection,
            "select reason, count(*), sum(difference_mrr) from reconciliation.restatements group by all order by all",
        )
    lines = [
        f"{month:%Y-%m}, by {made_by}" + (f", approved by {approved_by}" if approved_by else "")
        for month, made_by, approved_by in shown
    ] or ["no month"]
    lines += [f"restated: {reason}, {count} customer months, MRR {amount:+,f}" for reason, count, amount in moved]
    for entry in stored:
        if entry.entry_number not in seen and entry.action != "restatements":
            word = "closed" if entry.action == "close" else "reopened"
            lines.append(
                f"not shown: {entry.month:%Y-%m} was {word} {entry.made_at:%Y-%m-%d %H:%M} UTC by {entry.made_by}; "
                "what is published does not know it yet: the next `make run` shows it"
            )
    return lines


def _history(published: Path, zone: str) -> list[str]:
    """Every switch, the newest last, and which publications can be rolled back to."""
    kept, now = history.kept(published), history.current(published)
    lines = []
    for entry in history.records(published):
        name = entry["publication"]
        state = "published" if name == now else "kept" if name in kept else "gone"
        lines.append(
            f"{_local(entry['at'], zone)}  {entry['action']:<11}  {name}  as of {entry.get('as_of_date')}  {state}"
        )
    recorded = {entry["publication"] for entry in history.records(published)}
    return [*lines, *(f"{'no record':<32}  {name}  kept" for name in kept if name not in recorded)]


def _now(home: Path) -> list[str]:
    """A run that is writing, or why the last one did not publish."""
    running = lock.holder(home)
    if running is not None:
        return [f"running: {lock.describe(running)}"]
    failure = failures.last(home)
    try:
        last_build = saved_settings().build_id
    except SettingsError:
        last_build = None
    finished = {entry.get("build_id") for entry in history.records(home / "published")}
    if last_build and last_build not in finished and (failure is None or failure["build_id"] != last_build):
        return [f"the last run, build {last_build}, ended before it was done; the next one starts afresh"]
    if failure:
        return [f"the last run failed {failure['at']}:", *failure["message"].splitlines()]
    return ["nothing is running"]


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query; none when the file is from before there was such a table."""
    try:
        return connection.execute(query).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return []


def _local(at: str, zone: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def _print(title: str, lines: list[str]) -> None:
    for index, line in enumerate(lines):
        say(f"{title if index == 0 else '':<12}{line}")
