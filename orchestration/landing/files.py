"""The raw folder: which file holds which table, what its header says, and whether it changed since."""

from __future__ import annotations

import codecs
import csv
import itertools
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from orchestration.landing.contract import Table

ROWS_PER_BATCH = 2_000  # more of them alive at once cost the garbage collector three times as long
LARGEST_CELL = 64 * 2**20  # a quote that is never closed would otherwise swallow the whole file


class LandingError(Exception):
    """The raw files cannot be landed. Its text is the whole message: what, where and the remedy."""


@dataclass(frozen=True)
class Source:
    """The files of one table, all of one kind (`csv` or `parquet`)."""

    kind: str
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Fingerprint:
    """What a file looked like when landing met it; its path is relative to the raw folder."""

    path: str
    size: int
    modified_ns: int
    inode: int


def table_forms(raw_folder: Path, table_name: str) -> dict[str, Source]:
    """Return the forms in which the folder holds a table, by name; more than one is the user's mistake.

    Names that begin with a dot or an underscore are the bookkeeping of the tools that wrote the folder.
    """
    forms = {}
    for kind in ("parquet", "csv"):
        file = raw_folder / f"{table_name}.{kind}"
        if file.is_file():
            forms[file.name] = Source(kind, (file,))
    found = (raw_folder / table_name).glob("*.parquet")
    parts = tuple(sorted(part for part in found if part.is_file() and not part.name.startswith((".", "_"))))
    if parts:
        forms[f"{table_name}/*.parquet"] = Source("parquet", parts)
    return forms


def delivered(files: tuple[Fingerprint, ...]) -> dict[str, datetime]:
    """Give for each table when the newest of its files was last written (UTC)."""
    newest: dict[str, int] = {}
    for file in files:
        table = Path(file.path).parts[0].split(".")[0]
        newest[table] = max(newest.get(table, 0), file.modified_ns)
    epoch = datetime(1970, 1, 1)
    return {table: epoch + timedelta(microseconds=at // 1000) for table, at in sorted(newest.items())}


def find_source(raw_folder: Path, table: Table) -> Source | None:
    """Return the files of a table, None when it is missing and optional."""
    forms = table_forms(raw_folder, table.name)
    if len(forms) > 1:
        raise LandingError(f"{table.name}: found as {' and '.join(sorted(forms))}. Keep one of them.")
    if forms:
        return next(iter(forms.values()))
    if (raw_folder / f"{table.name}.parquet").is_dir():
        raise LandingError(f"{table.name}: {table.name}.parquet is a folder. Rename it to {table.name}.")
    if (raw_folder / table.name).is_dir():
        raise LandingError(f"{table.name}: the folder {table.name}/ holds no .parquet file. Fill or remove it.")
    if table.required:
        raise LandingError(
            f"{table.name}: the required table is missing. Add {table.name}.csv, {table.name}.parquet "
            f"or {table.name}/*.parquet."
        )
    return None


def fingerprints(raw_folder: Path, contract: dict[str, Table]) -> tuple[Fingerprint, ...]:
    """Return the fingerprint of every file that belongs to a table of the contract."""
    found = []
    for name in contract:
        for source in table_forms(raw_folder, name).values():
            for file in source.files:
                with suppress(FileNotFoundError):  # it has just vanished
                    stat = file.stat()
                    path = file.relative_to(raw_folder).as_posix()
                    found.append(Fingerprint(path, stat.st_size, stat.st_mtime_ns, stat.st_ino))
    return tuple(found)


def csv_header(file: Path) -> list[str]:
    """Return the column names of a CSV file."""
    try:
        with _opened(file) as lines:
            header = next(_rows(lines), [])
    except (UnicodeDecodeError, csv.Error):
        raise LandingError(csv_fault(file)) from None
    if "\0" in "".join(header):
        raise LandingError(csv_fault(file) or f"{file.name}: no text file. Save it as UTF-8.")
    if not any(header):
        raise LandingError(f"{file.name}: no header line. Its first line must name the columns.")
    if len(header) == 1 and (other := next((mark for mark in ";\t|" if mark in header[0]), None)):
        raise LandingError(f"{file.name}: its fields are separated by {other!r}. Separate them by commas.")
    return header


def csv_batches(file: Path, positions: list[int], width: int) -> Iterator[pa.RecordBatch]:
    """Yield the columns at `positions` as text, named c0, c1, …, in the order given; empty lines are no rows."""
    import pyarrow as pa  # it takes a third of a second to load, and parquet is landed without it

    names = [f"c{index}" for index in range(len(positions))]
    with _opened(file) as lines:
        rows = itertools.islice(_rows(lines), 1, None)
        while batch := list(itertools.islice(rows, ROWS_PER_BATCH)):
            columns = list(zip(*filter(None, batch), strict=True))
            if columns:
                if len(columns) != width:
                    raise ValueError("ragged")
                yield pa.record_batch([pa.array(columns[position], pa.string()) for position in positions], names)


def csv_fault(file: Path) -> str | None:
    """Say what is wrong with a CSV file that could not be read, and in which line."""
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError:
                if number == 1 and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    return f"{file.name}: the file is UTF-16, not UTF-8. Save it as UTF-8."
                return f"{file.name}, line {number}: not UTF-8. Save the file as UTF-8."
            if number == 1 and "\0" in text:
                return f"{file.name}: the file is UTF-16, not UTF-8. Save it as UTF-8."
    number, width = 0, 0
    with _opened(file) as lines:
        rows = _rows(lines)
        try:
            for row in rows:
                width = width or len(row)
                if row and len(row) != width:
                    return (
                        f"{file.name}, line {number + 1}: {len(row)} fields where the header has {width}. "
                        "Put double quotes around a field that holds a comma or a line break."
                    )
                number = rows.line_num
        except csv.Error as error:
            if "field limit" in str(error):
                reason = f"a cell of more than {LARGEST_CELL // 2**20} MB; perhaps a double quote is never closed"
            else:
                reason = f"a double quote is out of place ({error})"
            return (
                f"{file.name}, line {number + 1}: {reason}. Put double quotes around the whole field and write "
                "a double quote inside it twice."
            )
    return None


def _opened(file: Path):
    return file.open(encoding="utf-8-sig", newline="")


def _rows(lines):
    csv.field_size_limit(LARGEST_CELL)
    return csv.reader(lines, strict=True)
