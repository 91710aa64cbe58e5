"""What Dagster loads: the assets, their checks, the refresh job and its schedule."""

import dagster as dg

from orchestration.assets import ASSETS, CHECKS
from orchestration.settings import read_settings
from orchestration.warehouse import dbt_resource

# In process: one writer of the build database, and none of the start-up cost of a process a step.
refresh = dg.define_asset_job("refresh", selection=dg.AssetSelection.all(), executor_def=dg.in_process_executor)

daily = dg.ScheduleDefinition(
    name="daily", job=refresh, cron_schedule="0 6 * * *", execution_timezone=read_settings().time_zone
)

defs = dg.Definitions(
    assets=ASSETS,
    asset_checks=CHECKS,
    jobs=[refresh],
    schedules=[daily],
    resources={"dbt": dbt_resource()},
)
