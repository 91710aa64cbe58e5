"""What starts by itself, and what a person can start: the jobs, the daily schedule, the sensors."""

import os
import subprocess
import sys

import dagster as dg

from orchestration.defs.assets import fingerprint
from orchestration.landing.contract import load_contract
from orchestration.landing.files import LandingError, find_source, fingerprints
from orchestration.operations import failures
from orchestration.publication import history
from orchestration.settings import PROJECT, TIMEOUT, number, read_settings

# In process: one writer of the build database, and none of the start-up cost of a process a step. A run whose process
# died starts over; `make run` keeps the same time limit without Dagster's daemon.
TAGS = {
    "dagster/max_runtime": str(int(number(*TIMEOUT))),
    "dagster/retry_strategy": "ALL_STEPS",
}

refresh = dg.define_asset_job(
    "refresh", selection=dg.AssetSelection.all(), executor_def=dg.in_process_executor, tags=TAGS
)

daily = dg.ScheduleDefinition(
    name="daily",
    job=refresh,
    cron_schedule="0 6 * * *",
    execution_timezone=read_settings().time_zone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


@dg.sensor(job=refresh, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def raw_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Refresh when the raw files are others than those published, all there, and no longer growing."""
    settings = read_settings()
    contract = load_contract()
    found = fingerprints(settings.raw, contract)
    state = fingerprint(found)
    before = context.cursor
    context.update_cursor(state)
    if not found:
        return dg.SkipReason(f"No raw files in {settings.raw}.")
    try:
        for table in contract.values():
            if table.required:
                find_source(settings.raw, table)
    except LandingError as error:
        return dg.SkipReason(f"Not complete: {error}")
    if state != before:
        return dg.SkipReason("The raw files have changed since the last look; they may still be arriving.")
    switches = history.records(settings.published_file.parent)
    if switches and switches[-1].get("raw") == state:
        return dg.SkipReason("What is published was made from these files.")
    # Dagster starts one run a key: files that made a run fail are not tried again until they change.
    return dg.RunRequest(run_key=state)


class PastDate(dg.Config):
    """Which day to compute as of."""

    as_of_date: str


@dg.op
def compute_as_of(context: dg.OpExecutionContext, config: PastDate) -> None:
    """Run a whole refresh into backfills/<date>, as a command of its own."""
    _run(context, "run", "--backfill", config.as_of_date)


def _run(context: dg.OpExecutionContext, *arguments: str) -> None:
    """Run a command of this project; its message is the failure."""
    environment = dict(os.environ)
    environment.pop("KEIZOKU_WEBHOOK_URL", None)  # the failure of this job tells it
    run = subprocess.run(  # noqa: S603  its own command; a date or month that is none is refused there
        [sys.executable, "-m", "orchestration.cli.main", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    context.log.info(run.stdout)
    if run.returncode:
        raise dg.Failure(run.stderr.strip(), allow_retries=False)


@dg.job(executor_def=dg.in_process_executor, tags=TAGS)
def backfill() -> None:
    """Compute as of a past day into KEIZOKU_HOME/backfills/<date>; what is published stays."""
    compute_as_of()


class Month(dg.Config):
    """Which month to close, who does it and approved it, and, if somebody says so, through which day the data is."""

    month: str
    by: str = ""
    approved_by: str = ""
    data_through: str = ""


class MonthAndReason(dg.Config):
    """Which month to open again, why, who does it and approved it."""

    month: str
    reason: str
    by: str = ""
    approved_by: str = ""


@dg.op
def lock_and_publish(context: dg.OpExecutionContext, config: Month) -> None:
    """Lock what is published of a month, and publish again."""
    names = ("--by", config.by, "--approved-by", config.approved_by)
    _run(context, "close", config.month, *names, "--data-through", config.data_through)


@dg.op
def open_and_publish(context: dg.OpExecutionContext, config: MonthAndReason) -> None:
    """Record that a closed month is open again, and publish again."""
    names = ("--by", config.by, "--approved-by", config.approved_by)
    _run(context, "reopen", config.month, "--reason", config.reason, *names)


@dg.job(executor_def=dg.in_process_executor, tags=TAGS)
def close() -> None:
    """Close a month: what is published of it is locked for good. Refused while anything speaks against it."""
    lock_and_publish()


@dg.job(executor_def=dg.in_process_executor, tags=TAGS)
def reopen() -> None:
    """Open a closed month again; what was locked stays on record."""
    open_and_publish()


@dg.run_failure_sensor(monitored_jobs=[refresh, backfill, close, reopen], default_status=dg.DefaultSensorStatus.RUNNING)
def failed_runs(context: dg.RunFailureSensorContext) -> None:
    """Tell of runs that Dagster started; `make run` tells of its own."""
    settings = read_settings()
    causes = failures.causes(
        (event.step_key, event.step_failure_data.error) for event in context.get_step_failure_events()
    )
    message = "\n".join(causes) or context.failure_event.message or "The run ended before it was done."
    failures.report(settings.home, failures.in_plain_words(message, settings.home))
