"""Dagster's record of runs: databases that may be lost, but not stop a run."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

HEADER = b"SQLite format 3\0"
READ_BY_EVERY_RUN = ("runs.db", "index.db", "schedules.db")  # the others, of a run each, are but looked at
CHECKED_TO_THE_END = 64 * 2**20  # bytes: half a second


def heal(folder: Path) -> list[str]:
    """Put broken databases aside, so that Dagster makes them anew; say so in a line each."""
    told = []
    for database in sorted(folder.rglob("*.db")):
        fault = _fault(database)
        if fault:
            for part in (database, *(database.with_name(database.name + end) for end in ("-wal", "-shm", "-journal"))):
                with suppress(FileNotFoundError):
                    part.replace(part.with_name(part.name + ".broken"))
            told.append(f"{database} is broken ({fault}): put aside as {database.name}.broken, and made anew.")
    return told


def _fault(database: Path) -> str | None:
    """What is wrong with a database; None when it is sound, in use, or was never written to."""
    size = database.stat().st_size
    if size == 0:
        return None
    with database.open("rb") as file:
        header = file.read(32)
    if not header.startswith(HEADER):
        return "no database"
    page_size, pages = int.from_bytes(header[16:18]), int.from_bytes(header[28:32])
    is_settled = not database.with_name(database.name + "-wal").exists()
    if is_settled and pages * (page_size if page_size > 1 else 65536) > size:
        return "torn"
    if database.name not in READ_BY_EVERY_RUN or size > CHECKED_TO_THE_END:
        return None
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=1)) as connection:
            (found,) = connection.execute("pragma quick_check(1)").fetchone()
    except sqlite3.OperationalError:  # somebody writes to it
        return None
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if found == "ok" else found.splitlines()[-1]
