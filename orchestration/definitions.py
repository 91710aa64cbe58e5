"""What Dagster loads: the assets, their checks, the jobs and what starts them."""

import dagster as dg

from orchestration.defs.assets import ASSETS, CHECKS
from orchestration.defs.automation import again, backfill, close, daily, failed_runs, raw_files, refresh, reopen
from orchestration.defs.resources import Writer

defs = dg.Definitions(
    assets=ASSETS,
    asset_checks=CHECKS,
    jobs=[refresh, backfill, close, reopen],
    schedules=[daily],
    sensors=[raw_files, again, failed_runs],
    resources={"writer": Writer()},
)
