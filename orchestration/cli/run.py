"""`make run`: the refresh job through Dagster, with the figures and the cause of a failure in plain words."""

import argparse
import contextlib
import gc
import logging
import os
import shutil
import sqlite3
import sys
import threading
import time
import traceback
from pathlib import Path

import duckdb

from orchestration.cli.output import LogHandler, can_show, complain, end, say
from orchestration.operations import failures, run_history
from orchestration.operations.folders import make_private
from orchestration.operations.lock import LockedError, writing
from orchestration.publication import history
from orchestration.reports.headline import headline_table
from orchestration.reports.warnings import told, warnings
from orchestration.settings import (
    KEEP,
    PROJECT,
    TIMEOUT,
    Settings,
    SettingsError,
    backfill_environment,
    number,
    read_settings,
    saved_settings,
)
from orchestration.warehouse.checks import told as checks_told
from orchestration.warehouse.database import attached, limits

log = logging.getLogger("keizoku")


def main(arguments: list[str]) -> int:
    """Run the refresh; 0 only when it published."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.cli.run", description=__doc__)
    parser.add_argument("--prepare-only", action="store_true", help="make demo data and Dagster's folder, run nothing")
    parser.add_argument("--backfill", metavar="DATE", help="as of a past day, into KEIZOKU_HOME/backfills/DATE")
    options = parser.parse_args(arguments)
    gc.set_threshold(100_000, 20, 1000)  # what Dagster loads stays: looking for garbage in it costs seconds
    log.addHandler(LogHandler(sys.stderr))
    log.setLevel(logging.INFO)
    log.propagate = False
    if options.backfill is not None:
        try:
            os.environ |= backfill_environment(read_settings(), options.backfill)
        except SettingsError as error:
            complain(error)
            return 1
    home = Path(os.environ.get("KEIZOKU_HOME") or PROJECT / "data").resolve()
    try:
        settings = read_settings()
        if options.prepare_only and not _is_empty():
            _prepare_dagster(settings)
            return 0
        with writing(settings.home, "refresh"):
            _make_demo_when_empty()
            settings = read_settings()
            number(*KEEP)  # read at the end of the run: a wrong one is told before it
            limits()
            _prepare_dagster(settings)
            return 0 if options.prepare_only else _refresh(settings)
    except (SettingsError, LockedError, OSError, sqlite3.Error, duckdb.Error) as error:
        return _fail(home, str(error))


def _is_empty() -> bool:
    """Whether a first run has no data of its own."""
    if os.environ.get("KEIZOKU_RAW"):
        return False
    raw = PROJECT / "data" / "raw"
    return not (raw.is_dir() and any(raw.iterdir()))


def _make_demo_when_empty() -> None:
    """A first run without data of one's own gets the demo company."""
    if _is_empty():
        from orchestration.demo import write_demo

        log.info("No raw files in data/raw: making the demo company there ...")
        write_demo(PROJECT / "data" / "raw")


def _prepare_dagster(settings: Settings) -> None:
    """Dagster keeps its runs in KEIZOKU_HOME, without telemetry."""
    folder = Path(os.environ.get("DAGSTER_HOME") or settings.home / "dagster").resolve()
    os.environ["DAGSTER_HOME"] = str(folder)
    make_private(folder)
    for line in run_history.heal(folder):
        log.warning("  healed      %s", line)
    new = folder / ".dagster.yaml.new"
    shutil.copyfile(PROJECT / "orchestration" / "dagster.yaml", new)
    new.replace(folder / "dagster.yaml")


def _refresh(settings: Settings) -> int:
    started, before = time.monotonic(), history.kept(settings.published_file.parent)
    log.info(
        "Refreshing from %s as of %s (%s, %s) ...",
        settings.raw,
        settings.as_of_date,
        settings.currency,
        settings.time_zone,
    )
    make_private(settings.build)
    run_log = settings.build / "refresh.log"
    timer = _end_after(number(*TIMEOUT), settings, before)
    # dbt and Dagster write hundreds of lines; people get the steps and, if need be, the cause.
    causes = []
    try:
        with (
            run_log.open("w", encoding="utf-8", errors="backslashreplace") as file,
            contextlib.redirect_stdout(file),
            contextlib.redirect_stderr(file),
        ):
            try:
                causes = _run_job(settings)
            except Exception as error:  # of Dagster itself, such as no room for its own record of the run
                causes = [str(error)]
                traceback.print_exc()
    except OSError as error:  # no room for the log
        causes.append(str(error))
    timer.cancel()
    causes += [f"Full log: {run_log}"] if causes else []
    if not _has_published(settings, before):
        return _fail(settings.home, "\n".join(causes), _build(settings))
    if causes:  # Dagster's own record of the run, or what is tidied up afterwards
        complain("Published; what comes after that did not end well:\n" + "\n".join(causes))
    _tell(_build(settings) or settings, time.monotonic() - started)
    return 0


def _tell(settings: Settings, seconds: float) -> None:
    """Show the headline figures and where to look. It is published whatever becomes of this."""
    try:
        say(headline_table(settings.published_file, japanese=can_show("月次")))
        with attached(settings.published_file, read_only=True) as connection:
            warned = warnings(connection)
        if warned:
            say(f"\n{len(warned)} {'check warns' if len(warned) == 1 else 'checks warn'} of what is published:")
        for line in told(warned, japanese=can_show("月次")):
            say(line)
    except (duckdb.Error, OSError) as error:
        complain(f"The headline figures and warnings cannot be shown: {error}")
    say(f"\nPublished in {seconds:.0f} s, build {settings.build_id}:\n  {settings.published_file}")
    for workbook in sorted((settings.published_file.parent / "finance").glob("*.xlsx"))[-1:]:
        say(f"  {workbook}")
    say("Open it with any DuckDB client; start with metrics.metric_values and metrics.metric_catalog.")


def _run_job(settings: Settings) -> list[str]:
    """Run the job in this process; give the causes of its failure, none when it published."""
    # Imported here: Dagster takes seconds to load, and `--help` should not.
    import dagster as dg

    from orchestration.definitions import defs

    tags = {"keizoku/started_by": "make run", "keizoku/home": str(settings.home)}
    with dg.DagsterInstance.get() as instance:
        # We hold the lock, so an earlier `make run` that still counts as running is dead.
        unfinished = dg.RunsFilter(tags=tags, statuses=[dg.DagsterRunStatus.STARTED])
        for run in instance.get_runs(unfinished):
            instance.report_run_failed(run, "Its process ended before it was done.")
        result = defs.resolve_job_def("refresh").execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags=tags,
        )
    if result.success and _is_published(settings):
        return []
    causes = failures.causes(
        (event.step_key or "", event.step_failure_data.error) for event in result.all_events if event.is_step_failure
    )
    return causes or ["The run failed without a step that says why; see `make ui`."]


def _is_published(settings: Settings) -> bool:
    """Whether the build that stands is what readers see: to Dagster, a step that was skipped is no failure."""
    switches = history.records(settings.published_file.parent)
    return bool(switches) and switches[-1].get("build_id") == saved_settings().build_id


def _has_published(settings: Settings, before: list[str]) -> bool:
    """Whether readers see a publication that there was not before this run."""
    return history.current(settings.published_file.parent) not in (None, *before)


def _end_after(seconds: float, settings: Settings, before: list[str]) -> threading.Timer:
    """End this process when the run takes too long, whatever it is waiting for. dbt ends with it."""
    stderr = sys.stderr

    def stop() -> None:
        told = f"The run took longer than KEIZOKU_TIMEOUT={seconds:g} seconds."
        with contextlib.redirect_stderr(stderr):
            if _has_published(settings, before):
                complain(f"Published. {told}")
                end(0)
            _fail(settings.home, told, _build(settings))
            end(1)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    return timer


def _build(settings: Settings) -> Settings | None:
    """Settings of the build that was being made; none when it had not begun."""
    with contextlib.suppress(SettingsError):
        return saved_settings()
    return None


def _fail(home: Path, message: str, build: Settings | None = None) -> int:
    message = failures.in_plain_words(message, home)
    complain(f"\nNothing was published. {message}")
    failures.report(
        home,
        message,
        build_id=build.build_id if build else None,
        as_of_date=build.as_of_date if build else None,
        checks=checks_told(build, "fail", "error", "warn") if build else (),
    )
    return 1
