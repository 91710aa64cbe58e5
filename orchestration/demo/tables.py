"""Arrays to parquet: seeds, keys, exact decimals, and a folder that appears whole or not at all."""

import json
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.demo.constants import SEED
from orchestration.demo.days import FAR, instants
from orchestration.landing.contract import Column, load_contract
from orchestration.settings import COMPANY_FILE

NULL = np.iinfo(np.int64).min  # stands for null in whole-number arrays
CONTRACT = load_contract()
ARROW_TYPES = {
    "varchar": pa.string(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


def generator(part: str, *numbers: int) -> np.random.Generator:
    """Return the random numbers of one part of the company, the same in every run."""
    return np.random.Generator(np.random.PCG64([SEED, zlib.crc32(part.encode()), *numbers]))


def choose(random: np.random.Generator, weights, size: int) -> np.ndarray:
    """Return positions drawn by weight."""
    cumulative = np.cumsum(np.asarray(weights, dtype=float))
    return np.searchsorted(cumulative / cumulative[-1], random.random(size), side="right").astype(np.int64)


def between(random: np.random.Generator, low_high: tuple[int, int], size: int) -> np.ndarray:
    """Return whole numbers from low to high, both included."""
    return random.integers(low_high[0], low_high[1] + 1, size)


def keys(prefix: str, numbers, width: int = 6, suffix: str = "") -> pa.Array:
    """Return keys such as A000012; a number below 0 is null."""
    numbers = np.asarray(numbers, dtype=np.int64)
    digits = pc.utf8_lpad(pa.array(numbers, mask=numbers < 0).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, digits, suffix, "")


def instants_or_null(days, seconds) -> np.ndarray:
    """Return UTC microseconds of local days and seconds of the day; an open day is null."""
    days = np.asarray(days, dtype=np.int64)
    return np.where((days >= FAR) | (days == NULL), NULL, instants(np.where(days == NULL, 0, days), seconds))


def words(codes, texts: Iterable[str]) -> pa.Array:
    """Return texts by their position; a position below 0 is null."""
    codes, texts = np.asarray(codes, dtype=np.int32), list(texts)
    # A text twice in a dictionary makes parquet write some bytes that nobody has set.
    once = {text: position for position, text in enumerate(dict.fromkeys(texts))}
    positions = np.array([once[text] for text in texts], dtype=np.int32)[codes]
    return pa.DictionaryArray.from_arrays(pa.array(positions, mask=codes < 0), pa.array(list(once), pa.string()))


def to_arrow(values, column: Column) -> pa.Array:
    """Return a contract column. Whole numbers stand for days, UTC microseconds, decimals x 10^scale, prices by 10^4."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if column.data_type == "varchar":
        return pa.array(values, pa.string())
    if column.data_type == "boolean":
        values = np.asarray(values)
        return pa.array(values == 1, mask=values < 0) if values.dtype != bool else pa.array(values)
    values = np.asarray(values, dtype=np.int64)
    missing = values == NULL
    if column.is_price:
        # Money like any other here, in a column that has room for more digits than 64 bits.
        return _decimals(values, missing, "decimal(18,4)").cast(_decimal_type(column.data_type))
    if column.data_type.startswith("decimal"):
        return _decimals(values, missing, column.data_type)
    if column.data_type == "date":
        return pa.array(values.astype(np.int32), pa.int32(), mask=missing).cast(pa.date32())
    return pa.array(values, pa.int64(), mask=missing).cast(ARROW_TYPES[column.data_type])


def _decimals(values: np.ndarray, missing: np.ndarray, data_type: str) -> pa.Array:
    """Return decimals whose unscaled values are given: 16 bytes each, the upper 8 repeat the sign."""
    unscaled = np.empty((len(values), 2), dtype=np.int64)
    unscaled[:, 0] = np.where(missing, 0, values)
    unscaled[:, 1] = unscaled[:, 0] >> 63
    validity = pa.py_buffer(np.packbits(~missing, bitorder="little")) if missing.any() else None
    return pa.Array.from_buffers(_decimal_type(data_type), len(values), [validity, pa.py_buffer(unscaled)])


def _decimal_type(data_type: str) -> pa.DataType:
    precision, scale = data_type.removeprefix("decimal(").removesuffix(")").split(",")
    return pa.decimal128(int(precision), int(scale))


def to_table(name: str, columns: dict) -> pa.Table:
    """Return the columns of a contract table in its order and types; the four standard columns are not written."""
    wanted = [column for column in CONTRACT[name].columns if not column.is_standard]
    if set(columns) != {column.name for column in wanted}:
        raise ValueError(f"{name}: columns differ from the contract: {sorted({c.name for c in wanted} ^ set(columns))}")
    return pa.table({column.name: to_arrow(columns[column.name], column) for column in wanted})


class TableFolder:
    """A folder of parquet files, written beside its place and moved there when it is complete."""

    def __init__(self, folder: Path, force: bool):
        """Refuse a folder that holds something other than an earlier demo company."""
        self.folder = folder
        self.rows: dict[str, int] = {}
        foreign = folder.is_dir() and any(folder.iterdir()) and not (folder / COMPANY_FILE).exists()
        if folder.is_file() or (foreign and not force):
            raise FileExistsError(
                f"{folder} is not a demo company and is not empty. Choose another --out, or --force to replace it."
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.unfinished = folder.with_name(f".{folder.name}.unfinished")
        shutil.rmtree(self.unfinished, ignore_errors=True)
        self.unfinished.mkdir()

    def write(self, name: str, columns: dict) -> None:
        """Write a table as one file."""
        table = to_table(name, columns)
        self.rows[name] = table.num_rows
        with self._writer(self.unfinished / f"{name}.parquet", table.schema) as writer:
            writer.write_table(table, row_group_size=200_000)

    def write_parts(self, name: str, parts: Iterable[dict], rows_per_file: int) -> None:
        """Write a table that comes in parts: one file when small, else a folder of files."""
        folder = self.unfinished / name
        folder.mkdir()
        self.rows[name] = 0
        writer, rows_in_file, files = None, 0, 0
        for part in parts:
            table = to_table(name, part)
            if writer is None:
                writer = self._writer(folder / f"part-{files:03d}.parquet", table.schema)
                files += 1
            writer.write_table(table, row_group_size=1_000_000)
            self.rows[name] += table.num_rows
            rows_in_file += table.num_rows
            if rows_in_file >= rows_per_file:
                writer.close()
                writer, rows_in_file = None, 0
        if writer is not None:
            writer.close()
        if files == 1:
            (folder / "part-000.parquet").rename(self.unfinished / f"{name}.parquet")
            folder.rmdir()

    def _writer(self, file: Path, schema: pa.Schema) -> pq.ParquetWriter:
        """Open a file that repeats few-valued columns by dictionary, as the schema says."""
        few_valued = [field.name for field in schema if pa.types.is_dictionary(field.type)]
        return pq.ParquetWriter(
            file, schema, compression="zstd", use_dictionary=few_valued or False, store_schema=False, version="2.6"
        )

    def finish(self, company: dict) -> None:
        """Add the company's own record and move the folder to its place."""
        text = json.dumps(company, ensure_ascii=False, indent=2) + "\n"
        (self.unfinished / COMPANY_FILE).write_text(text, encoding="utf-8")
        previous = self.folder.with_name(f".{self.folder.name}.previous")
        shutil.rmtree(previous, ignore_errors=True)
        if self.folder.exists():
            self.folder.replace(previous)
        self.unfinished.replace(self.folder)
        shutil.rmtree(previous, ignore_errors=True)

    def abandon(self) -> None:
        """Remove what was written so far."""
        shutil.rmtree(self.unfinished, ignore_errors=True)
