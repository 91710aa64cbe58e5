"""How a DuckDB file is opened: in UTC, under the name that the SQL knows it by, with its share of the machine.

The one place that opens one.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.settings import SettingsError, home_folder

SPILLED = "spilled"  # the folder of a build in which DuckDB keeps what memory cannot
NAME = "keizoku"  # of the database, in compiled SQL and in dbt's profile
MEMORY = re.compile(r"[0-9]+([.][0-9]+)? ?([KMGT]i?B)", re.IGNORECASE)
LIMIT_OF_A_CONTAINER = Path("/sys/fs/cgroup/memory.max")


def threads() -> int:
    """KEIZOKU_THREADS; unset, half of the cores that this process may use."""
    text = os.environ.get("KEIZOKU_THREADS")
    if text and not (text.isdecimal() and int(text) >= 1):
        raise SettingsError(f"KEIZOKU_THREADS={text!r} cannot be used; write a whole number from 1 on.")
    return int(text) if text else max(1, len(os.sched_getaffinity(0)) // 2)


def memory() -> str:
    """KEIZOKU_MEMORY; unset, half of what the machine or its container has. What needs more goes to the disk."""
    text = os.environ.get("KEIZOKU_MEMORY")
    if text and not (MEMORY.fullmatch(text) and float(re.split("[ a-zA-Z]", text)[0])):
        raise SettingsError(f"KEIZOKU_MEMORY={text!r} cannot be used; write a size such as 4GB or 512MB.")
    if text:
        return text
    there_is = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if LIMIT_OF_A_CONTAINER.is_file():
        limit = LIMIT_OF_A_CONTAINER.read_text(encoding="utf-8").strip()
        there_is = min(there_is, int(limit)) if limit.isdecimal() else there_is
    return f"{there_is // 2 // 2**20}MiB"


def limits() -> dict[str, str]:
    """Settings of every database that is opened: its share of the machine, and where it may write what is too much."""
    spilled = home_folder() / "build" / SPILLED
    return {"threads": str(threads()), "memory_limit": memory(), "temp_directory": str(spilled)}


def literal(text: object) -> str:
    """Quote a text as SQL."""
    return "'" + str(text).replace("'", "''") + "'"


@contextmanager
def in_memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database without a file; instants are shown in UTC."""
    with duckdb.connect(":memory:", config={**limits()}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


@contextmanager
def attached(file: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a build database, or what is published, by the name that compiled SQL knows it by; it is the one in use."""
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
