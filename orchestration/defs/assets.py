"""The path of a refresh: raw files are landed, recomputed, built, checked and published."""

import hashlib
import logging
from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb
import pyarrow

from orchestration.closing import close as closing
from orchestration.closing import store as state
from orchestration.defs.resources import Writer, step, try_again_later
from orchestration.defs.warehouse import published_models, warehouse
from orchestration.landing.again import land_again
from orchestration.landing.contract import load_contract
from orchestration.landing.files import Fingerprint
from orchestration.landing.landing import LandedReport, land
from orchestration.operations import failures
from orchestration.operations.lock import note, writing
from orchestration.publication.publish import PublicationError, publish
from orchestration.recompute import MissingRateError, World, write_all
from orchestration.recompute.contract import recomputed_contract
from orchestration.recompute.settings import Settings as RecomputeSettings
from orchestration.reports.finance.workbook import write_workbooks
from orchestration.reports.warnings import withheld
from orchestration.settings import KEEP, Settings, number, read_settings, save_settings, saved_settings
from orchestration.warehouse import rejections
from orchestration.warehouse.build_folder import (
    build_results,
    clean,
    landed_files,
    remember_raw,
    remember_tables,
    step_times,
    stop_when_raw_changed,
    timed,
)
from orchestration.warehouse.checks import agreement, results_of, told
from orchestration.warehouse.database import attached, literal, threads
from orchestration.warehouse.dbt import build
from orchestration.warehouse.differences import find_differences
from orchestration.warehouse.manifest import refreshed

log = logging.getLogger("keizoku")

RAW_KEYS = [dg.AssetKey(["raw", table]) for table in load_contract()]
STATE_TABLES = ("run_settings", "raw_files", "unknown_columns", "folded_words", "deliveries", "closes", *state.SOURCES)
STATE_KEYS = [dg.AssetKey(["state", table]) for table in STATE_TABLES]
RECOMPUTED_KEYS = [dg.AssetKey(["recomputed", table]) for table in recomputed_contract()]
DATA_OWNER = "team:data"
DIFFERENCES = dg.AssetKey(["reconciliation", "recomputed_differences"])


def _raw_specs() -> Iterator[dg.AssetSpec]:
    for name, table in load_contract().items():
        kind = "required" if table.required else "optional"
        yield dg.AssetSpec(
            dg.AssetKey(["raw", name]),
            group_name="raw",
            kinds={"duckdb"},
            owners=[DATA_OWNER],
            description=f"The {kind} raw table {name}, typed, from its files in KEIZOKU_RAW.",
        )
    for key in STATE_KEYS:
        yield dg.AssetSpec(
            key,
            group_name="state",
            kinds={"duckdb"},
            owners=[DATA_OWNER],
            description="What the build has to know besides the raw files: the settings of the run, closed months.",
        )


@dg.multi_asset(specs=list(_raw_specs()), can_subset=True)
def raw(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult[Any]]:
    """Land the raw files, typed, in a new build database, with the settings of this run.

    Of a selection of raw tables, only those are landed, in the build that stands; what was built from them has to be
    built again before it is published.
    """
    writer.hold()
    selected = [key.path[-1] for key in RAW_KEYS if key in context.selected_asset_keys]
    if len(selected) in (0, len(RAW_KEYS)):
        settings, report = _land_all(context)
    else:
        with step(context, "raw") as settings:
            report = land_again(settings.raw, settings.build_file, settings, selected)
            remember_tables(settings, report, selected)
    rows = {table.name: table.rows for table in report.tables if table.name in selected}
    missing = [name for name in report.missing_tables if name in selected]
    log.info("  raw         %s rows in %s tables", f"{sum(rows.values()):,}", len(rows) - len(missing))
    for key in [*RAW_KEYS, *STATE_KEYS]:
        if key in context.selected_asset_keys:
            about: dict[str, Any] = {"rows": rows[key.path[-1]]} if key in RAW_KEYS else {}
            about |= {"as_of_date": str(settings.as_of_date), "build_id": settings.build_id}
            yield dg.MaterializeResult(asset_key=key, metadata=about)


def _land_all(context: dg.AssetExecutionContext) -> tuple[Settings, LandedReport]:
    """Begin a new build."""
    settings = read_settings()
    with writing(settings.home, "refresh"):
        note(settings.home, build_id=settings.build_id)
        try:
            closed = state.verify(settings.home)
            closing.stop_when_reported_otherwise(closed, settings.currency, settings.time_zone)
            clean(settings)
            save_settings(settings)
            with timed(settings, "raw"):
                report = land(settings.raw, settings.build_file, settings)
                with attached(settings.build_file, read_only=False) as connection:
                    state.land_state(connection, settings.home, settings.as_of_date)
            remember_raw(settings, report)
        except Exception as error:
            try_again_later(context, error)
            raise
    return settings, report


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            key,
            deps=RAW_KEYS,
            group_name="recomputed",
            kinds={"python"},
            owners=[DATA_OWNER],
            description="A second time, from the raw files, by Python alone; the models of reconciliation compare it.",
        )
        for key in RECOMPUTED_KEYS
    ],
)
def recomputed(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult[Any]]:
    """Compute every metric a second time, from the raw files, without any SQL."""
    writer.hold()
    with step(context, "recomputed") as settings:
        log.info("  recomputed  every metric from the raw files, in Python ...")
        folder = settings.build / "recomputed"
        pyarrow.set_cpu_count(threads())
        known = RecomputeSettings(
            settings.as_of_date,
            settings.time_zone,
            settings.currency,
            accept_rejects=settings.accept_rejects,
            home=settings.home,
        )
        try:
            write_all(World(settings.raw, known), folder)
        except MissingRateError as error:
            raise MissingRateError("\n".join([*_rejected_rates(settings), str(error)])) from error
        with attached(settings.build_file, read_only=False) as connection:
            connection.execute("create schema if not exists recomputed")
            rows = {}
            for key in RECOMPUTED_KEYS:
                table = key.path[-1]
                connection.execute(
                    f"create or replace table recomputed.{table} as "
                    f"select * from read_parquet({literal(folder / (table + '.parquet'))})"
                )
                (rows[key],) = connection.execute(f"select count(*) from recomputed.{table}").fetchall()[0]
            accounts, customers, is_sample = connection.execute("from recomputed.coverage").fetchall()[0]
        if is_sample:
            log.info(
                "  recomputed  a fixed sample of %s customers, because there are %s accounts; "
                "totals are held against the SQL's own rows",
                f"{customers:,}",
                f"{accounts:,}",
            )
    for key in RECOMPUTED_KEYS:
        yield dg.MaterializeResult(asset_key=key, metadata={"rows": rows[key]})


def _rejected_rates(settings: Settings) -> list[str]:
    """Say which exchange rates were brought and rejected: why others are missing, and what to do."""
    build(settings, ["+row_counts", "+quarantined_rows"])
    lines = rejections.in_words(settings.build_file, ["exchange_rates"])
    return [*lines, "Exchange rates that are missing:"] if lines else []


@dg.asset_check(asset=DIFFERENCES, blocking=True)
def sql_and_python_agree() -> dg.AssetCheckResult:
    """Every column of every published table that is computed twice is the same in SQL and in Python, row by row."""
    differences = find_differences(saved_settings().build_file)
    return dg.AssetCheckResult(
        passed=not differences,
        description="\n".join(differences) or "SQL and Python agree on every figure.",
    )


@dg.asset(deps=published_models(), group_name="published", kinds={"duckdb"}, owners=[DATA_OWNER])
def publication(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    """What readers open, replaced in one step after every check has passed."""
    keep = int(number(*KEEP))
    with step(context, "publication") as settings:
        stop_when_raw_changed(settings)
        results = build_results(settings)
        not_run = sorted(node["name"] for key, node in refreshed().items() if key not in results)
        if not_run:
            raise PublicationError(f"Not every model and check has run in this build: {', '.join(not_run)}")
        differences = find_differences(settings.build_file)
        if differences:
            raise PublicationError("SQL and Python disagree:\n" + "\n".join(differences))
        failed = [result["name"] for result in results.values() if result["status"] not in ("success", "pass", "warn")]
        if failed:
            raise PublicationError(f"Models or checks failed in this build: {', '.join(failed)}")
        closing.log_restatements(settings)
        checks = [*results_of(settings, "pass", "warn"), agreement()]
        log.info("  published   after %s checks", len(checks))
        counts = publish(
            settings.build_file,
            settings.published_file,
            settings.build_id,
            checks,
            # Its own time is added there; a build that is published again has one from the first time.
            steps=[step for step in step_times(settings) if step[0] != "publication"],
            outputs=[
                lambda folder: write_workbooks(
                    folder, settings.published_file.name, earlier=settings.published_file.parent / "current"
                ),
                lambda folder: state.copy_beside(settings.home, folder),
            ],
            keep=keep,
            as_of_date=str(settings.as_of_date),
            raw=fingerprint(landed_files(settings)),
        )
    failures.forget(settings.home)
    failures.warn(settings, told(settings, "warn"), _withheld(settings))
    return dg.MaterializeResult(
        metadata={"tables": len(counts), "rows": sum(counts.values()), "build_id": settings.build_id}
    )


def _withheld(settings: Settings) -> str:
    """What is withheld, for the alert; it is published whatever becomes of this."""
    try:
        with attached(settings.published_file, read_only=True) as connection:
            return withheld(connection)
    except duckdb.Error as error:
        log.warning("What is withheld cannot be told: %s", error)
        return ""


def fingerprint(files: tuple[Fingerprint, ...]) -> str:
    """One short text for the state of all raw files."""
    return hashlib.sha256(repr(sorted(map(repr, files))).encode()).hexdigest()[:16]


ASSETS = [raw, recomputed, warehouse, publication]
CHECKS = [sql_and_python_agree]
