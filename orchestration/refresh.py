"""`make run`: the refresh job through Dagster, with the figures and the cause of a failure in plain words."""

import argparse
import contextlib
import logging
import os
import shutil
import sys
import time
import unicodedata
from decimal import Decimal
from pathlib import Path

import duckdb

from orchestration.settings import PROJECT, Settings, SettingsError, read_settings, saved_settings

log = logging.getLogger("keizoku")

HEADLINES = (
    "mrr", "nrr", "grr", "logo_churn_rate", "ltv", "nps",
    "onboarding_completion_rate", "active_account_rate", "health_score", "healthy_account_rate",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run the refresh; 0 only when it published."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.refresh", description=__doc__)
    parser.add_argument("--prepare-only", action="store_true", help="make demo data and Dagster's folder, run nothing")
    options = parser.parse_args(arguments)
    log.addHandler(logging.StreamHandler(sys.stderr))
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        _make_demo_when_empty()
        settings = read_settings()
    except SettingsError as error:
        return _fail(str(error))
    _prepare_dagster(settings)
    if options.prepare_only:
        return 0
    return _refresh(settings)


def _make_demo_when_empty() -> None:
    """A first run without data of one's own gets the demo company."""
    if os.environ.get("KEIZOKU_RAW"):
        return
    raw = PROJECT / "data" / "raw"
    if raw.is_dir() and any(raw.iterdir()):
        return
    from orchestration.landing.demo import write_demo

    log.info("No raw files in data/raw: making the demo company there ...")
    write_demo(raw)


def _prepare_dagster(settings: Settings) -> None:
    """Dagster keeps its runs in KEIZOKU_HOME, without telemetry."""
    folder = Path(os.environ.setdefault("DAGSTER_HOME", str(settings.home / "dagster")))
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT / "orchestration" / "dagster.yaml", folder / "dagster.yaml")


def _refresh(settings: Settings) -> int:
    started = time.monotonic()
    log.info("Refreshing from %s as of %s (%s, %s) ...", settings.raw, settings.as_of_date, settings.currency, settings.time_zone)
    # Imported here: Dagster takes seconds to load, and `--help` should not.
    import dagster as dg
    import sqlalchemy

    from orchestration.definitions import defs

    @sqlalchemy.event.listens_for(sqlalchemy.engine.Engine, "connect")
    def _without_waiting_for_the_disk(connection, _) -> None:  # noqa: ANN001
        # Dagster's run history only: a power cut may cost its last rows, and half the time of a refresh is won.
        connection.execute("pragma synchronous = off")

    run_log = settings.build / "refresh.log"
    run_log.parent.mkdir(parents=True, exist_ok=True)
    # dbt and Dagster write hundreds of lines; people get the steps and, if need be, the cause.
    with (
        run_log.open("w", encoding="utf-8") as file,
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
        dg.DagsterInstance.get() as instance,
    ):
        result = defs.resolve_job_def("refresh").execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    if not result.success:
        return _fail("\n".join([*_causes(result), f"Full log: {run_log}"]))
    settings = saved_settings()
    print(headline_table(settings.published_file))
    print(f"\nPublished in {time.monotonic() - started:.0f} s, build {settings.build_id}:\n  {settings.published_file}")
    print("Open it with any DuckDB client; start with metrics.metric_values and metrics.metric_catalog.")
    return 0


def _causes(result) -> list[str]:  # noqa: ANN001
    """The first cause of a failed run, in the words of what failed."""
    from orchestration.warehouse import explain_failures

    causes: list[str] = []
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error:
            error = event.step_failure_data.error
            while error.cause:
                error = error.cause
            if event.step_key == "dbt":
                causes += explain_failures(saved_settings()) or [error.message]
            elif "blocking" not in error.message.lower() or not causes:
                causes.append(error.message.split(": ", 1)[-1].strip())
    for check in result.get_asset_check_evaluations():
        if not check.passed and check.check_name == "sql_and_python_agree":
            causes.append("SQL and Python disagree:\n" + (check.description or ""))
    return causes or ["The run failed without a step that says why; see `make ui`."]


def _fail(message: str) -> int:
    print(f"\nNothing was published. {message}", file=sys.stderr)
    return 1


def headline_table(published_file: Path) -> str:
    """The headline figures of the last two months as text, names in both languages."""
    with duckdb.connect(str(published_file), read_only=True) as connection:
        months = [row[0] for row in connection.execute("select month from marts.dim_months order by month desc limit 2").fetchall()]
        names = {
            key: (english, japanese, unit)
            for key, english, japanese, unit in connection.execute(
                "select metric_key, name_en, name_ja, unit from metrics.metric_catalog"
            ).fetchall()
        }
        values = {
            (key, month): (value, reason)
            for key, month, value, reason in connection.execute(
                "select metric_key, month, value, null_reason from metrics.metric_values where segment_type = 'total'"
            ).fetchall()
        }
        (complete, currency, as_of) = connection.execute(
            "select is_complete_month, (select currency from audit.publication), (select as_of_date from audit.publication) "
            "from marts.dim_months order by month desc limit 1"
        ).fetchone()
    header = [f"{month:%Y-%m}" for month in months]
    if not complete:
        header[0] += f" (to {as_of:%d})"
    lines = [("", "", header)]
    for key in HEADLINES:
        english, japanese, unit = names[key]
        lines.append((english, japanese, [_show(*values.get((key, month), (None, None)), unit, currency) for month in months]))
    widths = [max(_width(line[column]) for line in lines) for column in (0, 1)]
    return "\n" + "\n".join(
        _pad(english, widths[0]) + "  " + _pad(japanese, widths[1]) + "".join(f"{cell:>22}" for cell in cells)
        for english, japanese, cells in lines
    )


def _show(value: Decimal | None, reason: str | None, unit: str, currency: str) -> str:
    if value is None:
        return f"- ({reason})" if reason else "-"
    if unit == "ratio":
        return f"{value * 100:.2f} %"
    if unit == "currency":
        return f"{value:,.0f} {currency}"
    return f"{value:.1f}"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


if __name__ == "__main__":
    sys.exit(main())
