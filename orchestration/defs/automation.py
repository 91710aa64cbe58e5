"""What starts by itself, and what a person can start: the jobs, the daily schedule, the sensors."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.defs.assets import fingerprint
from orchestration.landing.contract import load_contract
from orchestration.landing.files import LandingError, find_source, fingerprints
from orchestration.operations import failures
from orchestration.publication import history
from orchestration.settings import LOOK_EVERY, PROJECT, TIMEOUT, number, read_settings

# In process: one writer of the build database, and none of the start-up cost of a process a step. A run whose process
# died starts over; `make run` keeps the same time limit without Dagster's daemon.
TAGS = {
    "dagster/max_runtime": str(int(number(*TIMEOUT))),
    "dagster/retry_strategy": "ALL_STEPS",
}

SECONDS_BETWEEN_LOOKS = int(number(*LOOK_EVERY))
LONGEST_WAIT_SECONDS = 3600
ATTEMPT = "keizoku/attempt"

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    tags=TAGS,
    # The lines of the steps, as `make run` shows them, and none of Dagster's hundreds.
    config={"loggers": {"console": {"config": {"log_level": "INFO"}}}},
    description="Land, recompute, build, check and publish.",
)

daily = dg.ScheduleDefinition(
    name="daily",
    job=refresh,
    cron_schedule="0 6 * * *",
    execution_timezone=read_settings().time_zone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


@dg.sensor(job=refresh, minimum_interval_seconds=SECONDS_BETWEEN_LOOKS, default_status=dg.DefaultSensorStatus.RUNNING)
def raw_files(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
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
    if _was_started(context, state):
        return dg.SkipReason("A run was started for these files. The next is when they change, or when `again` says.")
    return dg.RunRequest(run_key=state)


@dg.sensor(job=refresh, minimum_interval_seconds=SECONDS_BETWEEN_LOOKS, default_status=dg.DefaultSensorStatus.RUNNING)
def again(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Refresh again, each time after twice as long, while runs of the daemon fail for what passes by itself."""
    failed = failures.last(read_settings().home) or {}
    retry = failed.get("retry")
    if not retry:
        return dg.SkipReason("No run failed for a cause that passes by itself.")
    if datetime.now(UTC) < datetime.fromisoformat(retry["not_before"]):
        return dg.SkipReason(f"Tried again at {retry['not_before']}: {failed['message']}")
    key = f"after {retry['run_id']}"
    if _was_started(context, key):
        return dg.SkipReason("It is being tried again.")
    return dg.RunRequest(run_key=key, tags={ATTEMPT: str(retry["attempt"] + 1)})


def _was_started(context: dg.SensorEvaluationContext, run_key: str) -> bool:
    """Whether a run has a key: Dagster starts one a key, and would say each time that it does not start another."""
    return bool(context.instance.get_run_records(dg.RunsFilter(tags={"dagster/run_key": run_key}), limit=1))


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
    environment["PYTHONIOENCODING"] = "utf-8"
    run = subprocess.run(  # noqa: S603  its own command; a date or month that is none is refused there
        [sys.executable, "-m", "orchestration.cli.main", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
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


@dg.run_failure_sensor(
    monitored_jobs=[refresh, backfill, close, reopen],
    minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def failed_runs(context: dg.RunFailureSensorContext) -> None:
    """Tell of runs that Dagster started; `make run` tells of its own. What is tried again is told once."""
    settings, run = read_settings(), context.dagster_run
    events = context.get_step_failure_events()
    errors = [(event.step_key or "", event.step_failure_data.error) for event in events]
    if not errors:  # it did not come so far as to its first step: the lock was held, say
        errors = [("run", context.failure_event.job_failure_data.error)]
    causes = failures.causes(errors)
    message = failures.in_plain_words(
        "\n".join(causes) or context.failure_event.message or "The run ended before it was done.", settings.home
    )
    attempt, retry = int(run.tags.get(ATTEMPT, 1)), None
    if run.job_name == refresh.name and any(failures.passes_in_time(error) for _, error in errors):
        wait = min(SECONDS_BETWEEN_LOOKS * 2 ** (attempt - 1), LONGEST_WAIT_SECONDS)
        at = datetime.now(UTC) + timedelta(seconds=wait)
        retry = {"run_id": run.run_id, "attempt": attempt, "not_before": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
        message += f"\nThe daemon tries again at {retry['not_before']}."
    failures.report(settings.home, message, retry=retry, is_told=retry is not None and attempt > 1)
