"""The raw folder: which files hold which table, what their headers say, and whether they changed since.

Nothing that carries a table's name is passed over: it is read, or landing stops and names it. Names that begin with a
dot or an underscore are the bookkeeping of the tools that wrote the folder.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import itertools
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.settings import COMPANY_FILE

if TYPE_CHECKING:
    import pyarrow as pa

    from orchestration.landing.contract import Table

ROWS_PER_BATCH = 2_000  # more of them alive at once cost the garbage collector three times as long
LARGEST_CELL = 64 * 2**20  # a quote that is never closed would otherwise swallow the whole file
KINDS = {".csv.gz": "csv", ".csv": "csv", ".parquet": "parquet"}
# Folders in which a table is more, or less, than its files.
UNREADABLE_FOLDERS = {
    "_delta_log": "a Delta table, whose files are not all in force",
    ".hoodie": "a Hudi table, whose files are not all in force",
    "_temporary": "still being written, or left half written by a job that failed",
}
TO_UTF8 = "In Excel: File > Save As > CSV UTF-8 (comma delimited)."


class LandingError(Exception):
    """The raw files cannot be landed. Its text is the whole message: what, where and the remedy."""


@dataclass(frozen=True)
class Source:
    """The files of one table, all of one kind (`csv` or `parquet`)."""

    kind: str
    files: tuple[Path, ...]


@dataclass(frozen=True)
class RawFolder:
    """What the raw folder holds: the files of each table, what is wrong with it, and what has no table's name.

    `faults` are pairs of a table's name and a message.
    """

    sources: dict[str, Source]
    faults: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Fingerprint:
    """What a file looked like when landing met it; its path is relative to the raw folder."""

    path: str
    size: int
    modified_ns: int
    inode: int


def folded(name: str) -> str:
    """Return a name as names are matched: without width, case, and blanks or invisible marks around it."""
    visible = "".join(mark for mark in unicodedata.normalize("NFKC", name) if unicodedata.category(mark) != "Cf")
    return unicodedata.normalize("NFKC", visible.casefold()).strip()


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that this one, already folded, is probably meant to be; None when it is like no other."""
    bare = _bare(name)
    found = [(_distance(bare, _bare(other)), other) for other in known]
    near = [(distance, other) for distance, other in found if distance <= _allowed(_bare(other))]
    return min(near)[1] if near else None


def _allowed(name: str) -> int:
    """Return how many letters may differ: a short name has too many neighbours."""
    return (len(name) > 3) + (len(name) > 8)


def _bare(name: str) -> str:
    return "".join(mark for mark in name if mark.isalnum())


def _distance(one: str, other: str) -> int:
    """Count the letters to insert, leave out, replace or swap with their neighbour; more than 2 is 3."""
    if abs(len(one) - len(other)) > 2:
        return 3
    before, last = None, list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != wanted))
            if before and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return min(last[-1], 3)


def look_into(raw_folder: Path, contract: dict[str, Table]) -> RawFolder:
    """Find the files of every table, and all that is wrong with what the folder holds."""
    forms: dict[str, dict[str, tuple[list[Path], list[str]]]] = {}
    faults, strangers = [], []
    for entry in _entries(raw_folder):
        stem, extension = _split(entry.name)
        if entry.name == COMPANY_FILE or entry.name.startswith("."):
            continue
        if entry.name.startswith("_") or stem not in contract:
            strangers.append(entry)
        else:
            forms.setdefault(stem, {})[entry.name] = _form(entry, raw_folder, extension)
    sources = {}
    for table, found in forms.items():
        if len(found) > 1:
            faults.append((table, f"{table}: found as {' and '.join(sorted(found))}. Keep one of them."))
            continue
        ((files, wrong),) = found.values()
        faults += [(table, text) for text in wrong]
        sources[table] = Source(KINDS[_split(files[0].name)[1]] if files else "csv", tuple(files))
    missing = [name for name in contract if name not in forms]
    for entry in strangers:
        if not entry.name.startswith("_"):
            faults += _strange_faults(entry, raw_folder, contract, missing)
    for name in missing:
        if contract[name].required:
            text = (
                f"{name}: the required table is missing. Add {name}.csv, {name}.csv.gz, {name}.parquet or a folder "
                f"{name} of such files."
            )
            faults.append((name, text))
    order = list(contract)
    faults.sort(key=lambda fault: order.index(fault[0]))
    return RawFolder(sources, tuple(faults), tuple(sorted(entry.name for entry in strangers)))


def delivered(files: tuple[Fingerprint, ...]) -> dict[str, datetime]:
    """Give for each table when the newest of its files was last written (UTC)."""
    newest: dict[str, int] = {}
    for file in files:
        table, _ = _split(Path(file.path).parts[0])
        newest[table] = max(newest.get(table, 0), file.modified_ns)
    epoch = datetime(1970, 1, 1)
    return {table: epoch + timedelta(microseconds=at // 1000) for table, at in sorted(newest.items())}


def find_source(raw_folder: Path, table: Table) -> Source | None:
    """Return the files of a table, None when it is missing and optional."""
    found = look_into(raw_folder, {table.name: table})
    for _, text in found.faults:
        raise LandingError(text)
    return found.sources.get(table.name)


def fingerprints(raw_folder: Path, contract: dict[str, Table]) -> tuple[Fingerprint, ...]:
    """Return the fingerprint of every file that belongs to a table of the contract."""
    if not raw_folder.is_dir():
        return ()
    found = []
    for source in look_into(raw_folder, contract).sources.values():
        for file in source.files:
            with suppress(FileNotFoundError):  # it has just vanished
                stat = file.stat()
                path = file.relative_to(raw_folder).as_posix()
                found.append(Fingerprint(path, stat.st_size, stat.st_mtime_ns, stat.st_ino))
    return tuple(found)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise LandingError(f"{folder}: {in_words(error)}") from None


def in_words(error: OSError) -> str:
    """Return why a file or folder could not be opened, and the remedy."""
    if isinstance(error, PermissionError):
        return "this user may not read it. Grant the right to read it (of a folder, also to enter it)."
    if isinstance(error, FileNotFoundError):
        return "it has just vanished. Run again when all files are there."
    return f"{error.strerror or error}. Make it readable."


def _split(name: str) -> tuple[str, str]:
    """Return stem and extension of a name, both folded."""
    plain = folded(name)
    for extension in KINDS:
        if plain.endswith(extension):
            return plain.removesuffix(extension).strip(), extension
    stem, dot, rest = plain.partition(".")
    return stem.strip(), dot + rest


def _form(entry: Path, raw_folder: Path, extension: str) -> tuple[list[Path], list[str]]:
    """Return the files of an entry that carries a table's name, and what is wrong with it."""
    if (fault := _no_file(entry, raw_folder)) is not None:
        return [], [fault]
    if entry.is_dir():
        return _parts(entry, raw_folder)
    if extension not in KINDS:
        return [], [_other_kind(entry, raw_folder)]
    return [entry], []


def _no_file(entry: Path, raw_folder: Path) -> str | None:
    """Say why an entry is neither a file nor a folder that can be looked at."""
    path = entry.relative_to(raw_folder).as_posix()
    try:
        if entry.is_file() or entry.is_dir():
            return None
    except OSError as error:
        return f"{path}: {in_words(error)}"
    if entry.is_symlink():
        return f"{path}: a link to {entry.readlink()}, which is not there. Mend or remove the link."
    return f"{path}: neither a file nor a folder. Remove it."


def _other_kind(file: Path, raw_folder: Path) -> str:
    return (
        f"{file.relative_to(raw_folder).as_posix()}: files of this kind are not read. Save it as .csv (UTF-8), .csv.gz "
        "or .parquet, or move it out of the raw folder."
    )


def _parts(folder: Path, raw_folder: Path) -> tuple[list[Path], list[str]]:
    """Return all files below a table's folder, and what is wrong with it."""
    files, faults = [], []
    _walk(folder, raw_folder, (), files, faults)
    path = folder.relative_to(raw_folder).as_posix()
    kinds = {KINDS[_split(file.name)[1]]: file for file in reversed(files)}
    if len(kinds) > 1:
        both = " and ".join(kinds[kind].relative_to(raw_folder).as_posix() for kind in sorted(kinds))
        faults.append(f"{path}/: holds both .csv and .parquet files ({both}). Keep one kind.")
    once: dict[tuple[Path, str], Path] = {}
    for file in files:
        other = once.setdefault((file.parent, _split(file.name)[0]), file)
        if other is not file:
            faults.append(f"{path}/: holds {other.name} and {file.name}, probably the same rows. Keep one of them.")
    if not files and not faults:
        faults.append(f"{path}/: the folder holds no .parquet or .csv file. Fill or remove it.")
    return files, faults


def _walk(folder: Path, raw_folder: Path, above: tuple[str, ...], files: list[Path], faults: list[str]) -> None:
    here = folder.relative_to(raw_folder).as_posix()
    real = os.path.realpath(folder)
    if real in above:
        faults.append(f"{here}: a link to a folder that it lies in. Remove the link.")
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        faults.append(f"{here}/: {in_words(error)}")
        return
    for entry in entries:
        if entry.name in UNREADABLE_FOLDERS:
            faults.append(f"{here}/: {UNREADABLE_FOLDERS[entry.name]} ({entry.name}). Export it as plain files.")
        if entry.name.startswith((".", "_")):
            continue
        if (fault := _no_file(entry, raw_folder)) is not None:
            faults.append(fault)
        elif entry.is_dir():
            _walk(entry, raw_folder, (*above, real), files, faults)
        elif _split(entry.name)[1] in KINDS:
            files.append(entry)
        else:
            faults.append(_other_kind(entry, raw_folder))


def _strange_faults(
    entry: Path, raw_folder: Path, contract: dict[str, Table], missing: list[str]
) -> list[tuple[str, str]]:
    """Say which table an entry of another name may have been meant for, or carries."""
    stem, extension = _split(entry.name)
    apart = "Rename it, put it into the table's folder, move it out of the raw folder, or let its name begin with _."
    if carried := _carried(stem, contract):
        return [(carried, f"{entry.name}: carries the name of the table {carried}, and is not it. {apart}")]
    if entry.is_dir():
        return [
            (
                table,
                f"{path}: a table inside a folder of another name is not read. Move it to {raw_folder}, or out of it.",
            )
            for table, path in _tables_within(entry, raw_folder, contract)
        ]
    if extension in KINDS and (meant := nearest(stem, missing)):
        return [
            (meant, f"{entry.name}: no table has this name; is it {meant}? Rename it, or let its name begin with _.")
        ]
    return []


def _carried(stem: str, contract: dict[str, Table]) -> str | None:
    """Return the table whose name stands as words of its own within a name."""
    found = (table for table in contract if re.search(rf"(?<![^\W\d_]){table}(?![^\W\d_])", stem))
    return max(found, key=len, default=None)


def _tables_within(folder: Path, raw_folder: Path, contract: dict[str, Table]) -> Iterator[tuple[str, str]]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        for name in (*folders, *sorted(names)):
            stem, extension = _split(name)
            if stem in contract and (extension in KINDS or name in folders):
                yield stem, (Path(place) / name).relative_to(raw_folder).as_posix()


def csv_header(file: Path) -> list[str]:
    """Return the column names of a CSV file as they stand there."""
    try:
        with _bytes(file) as content:
            start = content.peek(8)[:8]
        if kind := next((kind for signature, kind in _SIGNATURES.items() if start.startswith(signature)), None):
            raise LandingError(f"{file.name}: {kind}")
        with opened(file) as lines:
            header = next(_rows(lines), [])
    except (UnicodeDecodeError, csv.Error, EOFError, gzip.BadGzipFile):
        raise LandingError(csv_fault(file)) from None
    if "\0" in "".join(header):
        raise LandingError(csv_fault(file) or f"{file.name}: no text file. Save it as UTF-8.")
    if not any(header):
        raise LandingError(f"{file.name}: no header line. Its first line must name the columns.")
    if len(header) == 1 and (other := next((mark for mark in ";\t|" if mark in header[0]), None)):
        raise LandingError(f"{file.name}: its fields are separated by {other!r}. Separate them by commas.")
    return header


def csv_batches(file: Path, positions: list[int | None], width: int, digest: hashlib._Hash) -> Iterator[pa.RecordBatch]:
    """Yield the columns at `positions` as text, named c0, c1, …; None is a column that the file lacks.

    Empty lines are no rows. `digest` takes in the bytes of the file.
    """
    import pyarrow as pa  # it takes a third of a second to load, and parquet is landed without it

    names = [f"c{index}" for index in range(len(positions))]
    with opened(file, digest) as lines:
        rows = itertools.islice(_rows(lines), 1, None)
        while batch := list(itertools.islice(rows, ROWS_PER_BATCH)):
            columns = list(zip(*filter(None, batch), strict=True))
            if columns:
                if len(columns) != width:
                    raise ValueError("ragged")
                arrays = [
                    pa.nulls(len(columns[0]), pa.string())
                    if position is None
                    else pa.array(columns[position], pa.string())
                    for position in positions
                ]
                yield pa.record_batch(arrays, names)


def csv_fault(file: Path) -> str | None:
    """Say what is wrong with a CSV file that could not be read, and in which line."""
    return _content_fault(file) or _shape_fault(file)


def _content_fault(file: Path) -> str | None:
    """Say which encoding this is, when it is not UTF-8."""
    try:
        with _bytes(file) as lines:
            for number, line in enumerate(lines, 1):
                try:
                    text = line.decode("utf-8")
                except UnicodeDecodeError:
                    if number == 1 and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                        return f"{file.name}: the file is UTF-16, not UTF-8. Save it as UTF-8. {TO_UTF8}"
                    return f"{file.name}, line {number}: {_other_encoding(file)}"
                if number == 1 and "\0" in text:
                    return f"{file.name}: the file is UTF-16, not UTF-8. Save it as UTF-8. {TO_UTF8}"
    except (EOFError, gzip.BadGzipFile):
        return f"{file.name}: not a complete gzip file. Write it again."
    return None


_SIGNATURES = {
    b"PK\x03\x04": "an Excel workbook or a zip archive under the name of a CSV file. Open it and save the sheet. "
    + TO_UTF8,
    b"\xd0\xcf\x11\xe0": "an old Excel workbook under the name of a CSV file. Open it and save the sheet. " + TO_UTF8,
    b"PAR1": "a parquet file under the name of a CSV file. Rename it to .parquet.",
    b"\x1f\x8b": "compressed by gzip. Rename it to .csv.gz.",
}


def _other_encoding(file: Path) -> str:
    """Name the encoding of a file that is not UTF-8, as far as its content shows it."""
    with _bytes(file) as content:
        sample = content.read(2**22)
    kept = sample.decode("utf-8", "ignore").encode()
    if len(sample) - len(kept) < sum(byte > 127 for byte in kept):
        return "a character is broken, in a file that is otherwise UTF-8; perhaps it was cut off. Write it again."
    for encoding, name in (("cp932", "Shift_JIS (CP932), as Excel in Japanese saves CSV files"), ("euc_jp", "EUC-JP")):
        # The last character may be cut in two.
        text = sample.decode(encoding, "ignore")
        is_whole = len(text.encode(encoding, "ignore")) >= len(sample) - 4
        # An accented letter of Western Europe and its neighbour can pass for one character of Japanese, hardly for two.
        if is_whole and re.search(r"[\u3041-\u30ff\u4e00-\u9fff]{2}", text):
            return f"the file is {name}, not UTF-8. Save it as UTF-8. {TO_UTF8}"
    return f"not UTF-8 (perhaps Windows-1252 or another encoding of one country). Save the file as UTF-8. {TO_UTF8}"


def _shape_fault(file: Path) -> str | None:
    number, width = 0, 0
    with opened(file) as lines:
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


def content_hash(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, as `sha256sum` prints it."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


class _Noted(io.RawIOBase):
    """A file that shows a digest every byte that is read of it."""

    def __init__(self, file: Path, digest: hashlib._Hash) -> None:
        self._file, self._digest = file.open("rb", buffering=0), digest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)
        self._digest.update(memoryview(buffer)[:count])
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def _bytes(file: Path, digest: hashlib._Hash | None = None) -> Iterator[Any]:
    """Open a file, uncompressed when its name says that it is compressed."""
    with io.BufferedReader(_Noted(file, digest), 2**18) if digest else file.open("rb") as raw:
        if _split(file.name)[1] == ".csv.gz":
            with gzip.open(raw) as content:
                yield io.BufferedReader(content)
        else:
            yield raw


@contextmanager
def opened(file: Path, digest: hashlib._Hash | None = None) -> Iterator[io.TextIOWrapper]:
    """Open a CSV file as text."""
    with _bytes(file, digest) as content:
        yield io.TextIOWrapper(content, encoding="utf-8-sig", newline="")


def _rows(lines):
    csv.field_size_limit(LARGEST_CELL)
    return csv.reader(lines, strict=True)
