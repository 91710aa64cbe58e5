"""The recomputed tables as parquet for the warehouse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from orchestration.recompute.clock import month_of
from orchestration.recompute.contract import Recomputed, recomputed_contract
from orchestration.recompute.world import World

_ROWS_AT_ONCE = 100_000


def rows_of(name: str, world: World) -> Iterator[tuple]:
    """Give the rows of a published table; of a sample, what its customers alone can tell."""
    table = recomputed_contract()[name]
    rows = import_module(f"orchestration.recompute.tables.{name}").rows(world)
    if not world.is_sample or table.sample == "whole":
        yield from rows
    elif table.sample != "nothing":
        yield from _sampled(rows, table, world)


def _sampled(rows: Iterator[tuple], table: Recomputed, world: World) -> Iterator[tuple]:
    """Leave out what everybody would be needed for, and what is before the first month in which one of them paid."""
    names = list(table.columns)
    of_all = [names.index(name) for name in table.of_all]
    first = min((row.month for row in world.account_months), default=None)
    for row in rows:
        if table.sample == "months_of_sample" and (first is None or month_of(row[names.index("month")]) < first):
            continue
        yield tuple(None if position in of_all else value for position, value in enumerate(row))


def write_all(world: World, folder: Path) -> None:
    """Write the recomputed tables into a folder, and whom they are about."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    world.require_rates()
    for name, table in recomputed_contract().items():
        _write(rows_of(name, world), table.columns, folder / f"{name}.parquet")


def _write(rows: Iterable[tuple], columns: dict[str, pa.DataType], path: Path) -> None:
    """Write a table piece by piece: some have a hundred rows a customer."""
    schema, rows = pa.schema(columns), iter(rows)
    with pa.parquet.ParquetWriter(path, schema) as file:
        while piece := list(islice(rows, _ROWS_AT_ONCE)):
            arrays = [
                pa.array(values, kind) for values, kind in zip(zip(*piece, strict=True), schema.types, strict=True)
            ]
            file.write_table(pa.table(arrays, schema=schema))
