"""From a folder of raw files to rows in the contract's columns and types.

Written apart from landing, which reads the same files by other means. Which names are so near a name of the contract
that they are probably meant for it is landing's alone to say: it stops the run before any figure is made.
"""

from __future__ import annotations

import gzip
import os
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from orchestration.recompute.clock import Clock, day_of
from orchestration.recompute.contract import Column, Table, contract
from orchestration.recompute.parsing import parse_column
from orchestration.recompute.settings import RawFileError

PIECE_ROWS = 1 << 19
PLAIN = "_plain_days"  # the column that names those whose instants came as days
ENDINGS = (".parquet", ".csv", ".csv.gz")
# Of how many bytes a CSV file is looked at together. A row may not be longer: a cell holds up to 64 million characters.
USUAL_BLOCK, LARGEST_BLOCK = 1 << 23, 1 << 30
HEADER_BYTES = 1 << 20


def plain(name: str) -> str:
    """Write a name without width, case, blanks around it, or marks that nobody sees."""
    name = unicodedata.normalize("NFKC", name)
    name = "".join(mark for mark in name if unicodedata.category(mark) != "Cf").casefold()
    return unicodedata.normalize("NFKC", name).strip()


def _ending(path: Path) -> str | None:
    name = plain(path.name)
    return next((ending for ending in ("csv.gz", "csv", "parquet") if name.endswith("." + ending)), None)


def _stem(path: Path) -> str:
    name, ending = plain(path.name), _ending(path)
    return name[: -len(ending) - 1].strip() if ending else name.partition(".")[0].strip()


def _below(folder: Path, above: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Give every file below a table's folder; what tools keep for themselves begins with a dot or an underscore."""
    here = os.path.realpath(folder)
    if here in above:
        raise RawFileError(f"The folder {folder} lies in itself.")
    for path in sorted(folder.iterdir()):
        if path.name in ("_delta_log", ".hoodie", "_temporary"):
            raise RawFileError(f"The files of {folder} alone are not the table: there is {path.name}.")
        if path.name[0] in "._":
            continue
        if path.is_dir():
            yield from _below(path, above | {here})
        elif path.is_file() and _ending(path):
            yield path
        else:
            raise RawFileError(f"{path} belongs to a raw table and cannot be read.")


def table_files(folder: Path, name: str) -> list[Path]:
    """Find the files of a table: a file, or a folder of files of one kind; none of an optional one."""
    forms = [path for path in sorted(folder.iterdir()) if path.name[0] not in "._" and _stem(path) == name]
    if len(forms) > 1:
        raise RawFileError(f"The raw table {name} stands in {folder} more than once: keep one of its forms.")
    if not forms:
        if contract()[name].required:
            raise RawFileError(f"The raw table {name} is missing: put {name}.csv or {name}.parquet into {folder}.")
        return []
    (form,) = forms
    if not form.is_dir():
        if not form.is_file() or not _ending(form):
            raise RawFileError(f"{form} has the name of a raw table and cannot be read.")
        return [form]
    files = list(_below(form))
    kinds = {(_ending(path) or "").removesuffix(".gz") for path in files}
    places = Counter((path.parent, _stem(path)) for path in files)
    if len(kinds) != 1 or max(places.values()) > 1:
        raise RawFileError(f"The folder {form} must hold files of one kind, each of them once.")
    return files


def _places(names: list[str], table: Table, path: Path, folder: Path) -> dict[str, int]:
    """Say where in a file each column of the contract stands."""
    wanted, places = {column.name for column in table.columns}, {}
    for place, name in enumerate(names):
        if plain(name) not in wanted:
            continue
        if plain(name) in places:
            raise RawFileError(f"The raw file {path} has the column {plain(name)} more than once.")
        places[plain(name)] = place
    for column in table.columns:
        if column.required and column.name not in places:
            raise RawFileError(f"The raw file {path} has no column {column.name}, which the contract requires.")
    for part in path.relative_to(folder).parent.parts:
        key, mark, _ = part.partition("=")
        if mark and plain(key) in wanted - places.keys():
            raise RawFileError(f"{path}: the column {plain(key)} stands in the name of a folder alone.")
    return places


def _in_types(
    content: pa.Table, places: dict[str, int], table: Table, path: Path, clock: Clock, names: Collection[str]
) -> tuple[pa.Table, np.ndarray]:
    """Bring columns into the contract's types, all or those named, with a mark on rows that hold another type.

    One more column, PLAIN, names the columns whose instants came as days without a clock.
    """

    def start_of(day: date) -> int:
        return clock.start_of(day_of(day))

    columns, bad, plain = {}, np.zeros(content.num_rows, dtype=bool), {}
    for column in table.columns:
        if names and column.name not in names:
            continue
        if column.name not in places:
            columns[column.name], *_ = parse_column(pa.nulls(content.num_rows), column.data_type)
            continue
        chunked = content.column(places[column.name])
        values = pa.concat_arrays(chunked.chunks) if chunked.num_chunks else pa.array([], chunked.type)
        try:
            columns[column.name], is_bad, is_plain = parse_column(values, column.data_type, start_of, column.is_price)
        except TypeError as error:
            raise RawFileError(f"The raw file {path}, column {column.name}: {error}") from None
        if column.accepted or column.is_currency:
            columns[column.name] = _as_words(columns[column.name], column)
        bad |= is_bad
        if is_plain.any():
            plain[column.name] = is_plain
    columns[PLAIN] = pa.nulls(content.num_rows, pa.string())
    if plain:
        marks = zip(*plain.values(), strict=True)
        named = [" ".join(name for name, mark in zip(plain, row, strict=True) if mark) or None for row in marks]
        columns[PLAIN] = pa.array(named, pa.string())
    return pa.table(columns), bad


def _as_words(values: pa.Array, column: Column) -> pa.Array:
    """Read words as those of the contract: without regard to case, blanks around, or what parts them."""

    def meant(word: str) -> str:
        if column.is_currency:
            code = word.strip(" ")
            return code.upper() if len(code) == 3 and code.isascii() and code.isalpha() else word
        plain = word.strip(" ").lower().replace(" ", "_").replace("-", "_")
        return plain if plain in column.accepted else column.words.get(plain, word)

    encoded = values.dictionary_encode()
    read = pa.array([meant(word) for word in encoded.dictionary.to_pylist()], pa.string())
    return read.take(encoded.indices)


def pieces(folder: Path, name: str, clock: Clock, names: Collection[str] = ()) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """Read a raw table piece by piece, with all its columns or those named, and a mark on rows of another type."""
    table, folder = contract()[name], Path(folder)
    try:
        paths = table_files(folder, name)
    except OSError as error:
        raise RawFileError(f"The raw table {name} cannot be read: {error}") from error
    for path in paths:
        try:
            if _ending(path) == "parquet":
                yield from _parquet_pieces(path, folder, table, clock, names)
            else:
                yield from _csv_pieces(path, folder, table, clock, names)
        except (pa.ArrowException, OSError, EOFError) as error:
            raise RawFileError(f"The raw file {path} cannot be read: {error}") from error


def _parquet_pieces(
    path: Path, folder: Path, table: Table, clock: Clock, names: Collection[str]
) -> Iterator[tuple[pa.Table, np.ndarray]]:
    # Times of 96 bits would be read as nanoseconds, which end in the year 2262.
    file = pa.parquet.ParquetFile(path, coerce_int96_timestamp_unit="us")
    there = file.schema_arrow.names
    places = _places(there, table, path, folder)
    wanted = [name for name in places if not names or name in names]
    batches = file.iter_batches(PIECE_ROWS, columns=[there[places[name]] for name in wanted])
    for batch in batches:
        content = pa.Table.from_batches([batch])
        found = {name: content.schema.get_field_index(there[places[name]]) for name in wanted}
        yield _in_types(content, found, table, path, clock, names)


def _csv_pieces(
    path: Path, folder: Path, table: Table, clock: Clock, names: Collection[str]
) -> Iterator[tuple[pa.Table, np.ndarray]]:
    read, block = 0, USUAL_BLOCK
    while True:
        try:
            reader = pa.csv.open_csv(_csv_bytes(path), **_csv_options(path, block))
            places, passed = _places(reader.schema.names, table, path, folder), 0
            for batch in reader:
                passed += batch.num_rows
                if passed > read:
                    content = pa.Table.from_batches([batch]).slice(max(read - (passed - batch.num_rows), 0))
                    read = passed
                    yield _in_types(content, places, table, path, clock, names)
        except pa.ArrowInvalid as error:
            # A row that is longer than a block: once more, with blocks that hold any row.
            if block == LARGEST_BLOCK or not any(words in str(error) for words in ("straddling", "block size")):
                raise
            block = LARGEST_BLOCK
        else:
            return


def _csv_bytes(path: Path) -> pa.NativeFile:
    """Open a CSV file; a header without an end of line, which would be no line, gets one."""
    zipped = _ending(path) == "csv.gz"
    with gzip.open(path) if zipped else path.open("rb") as file:
        start = file.read(HEADER_BYTES)
    if len(start) < HEADER_BYTES and b"\n" not in start and b"\r" not in start:
        return pa.BufferReader(start + b"\n")
    return pa.input_stream(path, compression="gzip" if zipped else None)


def _csv_options(path: Path, block: int) -> dict[str, object]:
    parsing = pa.csv.ParseOptions(newlines_in_values=True)
    reading = pa.csv.ReadOptions(block_size=block)
    with pa.csv.open_csv(_csv_bytes(path), reading, parsing) as start:
        names = start.schema.names
    as_text = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
    )
    return {"read_options": reading, "parse_options": parsing, "convert_options": as_text}


def read(folder: Path, name: str, clock: Clock) -> tuple[pa.Table, np.ndarray]:
    """Read a raw table; an optional one that is missing is empty."""
    parts = [nothing(contract()[name]), *pieces(folder, name, clock)]
    return pa.concat_tables([part for part, _ in parts]).combine_chunks(), np.concatenate([bad for _, bad in parts])


def nothing(table: Table) -> tuple[pa.Table, np.ndarray]:
    """Give a raw table without rows."""
    empty = {column.name: parse_column(pa.nulls(0), column.data_type)[0] for column in table.columns}
    empty[PLAIN] = pa.nulls(0, pa.string())
    return pa.table(empty), np.zeros(0, dtype=bool)
