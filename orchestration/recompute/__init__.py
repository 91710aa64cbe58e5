"""The second opinion: every published figure again, from the raw files, by its own road.

It reads the raw files, the raw contract, the seeds and the store of closed months, and nothing that dbt or the loader
made.
"""

from orchestration.recompute.publication import rows_of, write_all
from orchestration.recompute.settings import MissingRateError, RawFileError, RecomputeError, Settings
from orchestration.recompute.world import World

__all__ = [
    "MissingRateError",
    "RawFileError",
    "RecomputeError",
    "Settings",
    "World",
    "rows_of",
    "write_all",
]
