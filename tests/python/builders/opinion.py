"""The second opinion's tables as data frames."""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from orchestration.recompute import Settings, World, rows_of
from orchestration.recompute.clock import date_of
from orchestration.recompute.contract import recomputed_contract


def frame(world: World, table: str) -> pd.DataFrame:
    """Give a recomputed table, days as dates."""
    columns = recomputed_contract()[table].columns
    rows = [
        [
            date_of(value) if kind == pa.date32() and isinstance(value, int) else value
            for value, kind in zip(row, columns.values(), strict=True)
        ]
        for row in rows_of(table, world)
    ]
    return pd.DataFrame(rows, columns=list(columns), dtype=object)


def metrics(world: World) -> pd.DataFrame:
    """Give every metric by month and segment."""
    return frame(world, "metric_values")


def account_months(world: World) -> pd.DataFrame:
    """Give the roll-forward of every customer."""
    return frame(world, "fct_account_months")


def movements(world: World) -> pd.DataFrame:
    """Give every movement with its reasons."""
    return frame(world, "fct_mrr_movements")


def recompute(raw_folder: Path, settings: Settings) -> pd.DataFrame:
    """Give every metric of a folder of raw files."""
    return metrics(World(raw_folder, settings))
