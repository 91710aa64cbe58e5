"""Closed months as the store of closes keeps them, read row by row by this road's own code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from orchestration.recompute.clock import day_of, month_of


class Close(NamedTuple):
    """A close that counts."""

    number: int
    month: int
    as_of: int
    policy_version: str
    folder: Path


class Closed:
    """The closes in force, of those that were made as of the run's day or an earlier one."""

    def __init__(self, folder: Path | None, as_of: int) -> None:
        """Read the events; there are none without a folder."""
        files = sorted(folder.glob("[0-9]*/event.parquet")) if folder else []
        self.folder = folder
        self.events, standing = [], {}
        for file in files:
            (event,) = pq.read_table(file).to_pylist()
            self.events.append(event)
            month = month_of(day_of(event["month"]))
            if day_of(event["as_of_date"]) > as_of:
                continue
            if event["action"] == "reopen":
                standing.pop(month, None)
            if event["action"] == "close":
                about = (event["entry_number"], month, day_of(event["as_of_date"]), event["policy_version"])
                standing[month] = Close(*about, file.parent)
        self.closes = list(standing.values())
        self.months = set(standing)

    def rows(self, name: str) -> Iterator[dict]:
        """Give what was locked in one of the store's tables, with the number of the close."""
        for close in self.closes:
            for row in pq.read_table(close.folder / f"{name}.parquet").to_pylist():
                yield row | {"entry_number": close.number}
