"""The second opinion: every metric again, from the raw files, by its own road.

It reads the raw files, the raw contract and the seeds, and nothing that dbt or the loader made.
"""

from pathlib import Path

import pandas as pd

from orchestration.recompute.accounts import account_values
from orchestration.recompute.publication import account_months, metrics, movements, write, write_all
from orchestration.recompute.settings import MissingRateError, RawFileError, RecomputeError, Settings
from orchestration.recompute.world import World


def recompute(raw_folder: Path, settings: Settings) -> pd.DataFrame:
    """Give every metric by month and segment; settings need as_of_date, time_zone, currency and home."""
    return metrics(World(raw_folder, settings))


__all__ = [
    "MissingRateError",
    "RawFileError",
    "RecomputeError",
    "Settings",
    "World",
    "account_months",
    "account_values",
    "metrics",
    "movements",
    "recompute",
    "write",
    "write_all",
]
