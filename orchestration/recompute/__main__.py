"""Recompute a raw folder in a process of its own, which ends with the run that started it.

python -m orchestration.recompute RAW_FOLDER AS_OF_DATE TIME_ZONE CURRENCY OUTPUT_FOLDER
"""

import gc
import sys
from datetime import date
from pathlib import Path

from orchestration.child import tie_to_run
from orchestration.recompute import Settings, World, write_all

if not tie_to_run():
    sys.exit(1)
gc.set_threshold(100_000, 20, 1000)  # nearly all that it makes stays: looking for garbage takes a tenth of the time
raw, as_of_date, time_zone, currency, folder = sys.argv[1:]
write_all(World(Path(raw), Settings(date.fromisoformat(as_of_date), time_zone, currency)), Path(folder))
