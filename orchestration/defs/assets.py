"""The path of a refresh: raw files are landed, recomputed, built, checked and published."""

import hashlib
import logging

import dagster as dg
import duckdb

from orchestration import ahead
from orchestration.closing import close as closing
from orchestration.closing import store as state
from orchestration.defs.resources import step, try_again_later
from orchestration.landing.contract import load_contract
from orchestration.landing.files import Fingerprint
from orchestration.landing.landing import land
from orchestration.operations import failures
from orchestration.operations.lock import note, writing
from orchestration.publication.publish import PUBLISHED_SCHEMAS, PublicationError, publish
from orchestration.reports.finance.workbook import write_workbooks
from orchestration.settings import KEEP, number, read_settings, save_settings, saved_settings
from orchestration.warehouse.build_folder import (
    build_results,
    clean,
    landed_files,
    remember_raw,
    step_times,
    stop_when_raw_changed,
    timed,
)
from orchestration.warehouse.checks import agreement, results_of
from orchestration.warehouse.dbt import find_differences, refreshed, warehouse

log = logging.getLogger("keizoku")

RAW_KEYS = [dg.AssetKey(["raw", table]) for table in load_contract()]
STATE_KEYS = [dg.AssetKey(["state", table]) for table in ("run_settings", "closes", *state.SOURCES)]
RECOMPUTED_TABLES = ("metric_values", "account_months", "mrr_movements", "account_values", "customers", "coverage")
RECOMPUTED_KEYS = [dg.AssetKey(["recomputed", table]) for table in RECOMPUTED_TABLES]
DIFFERENCES = dg.AssetKey(["reconciliation", "recomputed_metric_differences"])


@dg.multi_asset(
    specs=[dg.AssetSpec(key, group_name="raw") for key in [*RAW_KEYS, *STATE_KEYS]],
    required_resource_keys={"writer"},
)
def raw(context: dg.AssetExecutionContext):
    """Land the raw files, typed, in a new build database, with the settings of this run."""
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
                with state.attached(settings.build_file) as connection:
                    state.land_state(connection, settings.home, settings.as_of_date)
            remember_raw(settings, report)
        except Exception as error:
            try_again_later(context, error)
            raise
    rows = {table.name: table.rows for table in report.tables}
    log.info("  raw         %s rows in %s tables", f"{sum(rows.values()):,}", len(rows) - len(report.missing_tables))
    for key in RAW_KEYS:
        yield dg.MaterializeResult(asset_key=key, metadata={"rows": rows[key.path[-1]]})
    for key in STATE_KEYS:
        yield dg.MaterializeResult(
            asset_key=key, metadata={"as_of_date": str(settings.as_of_date), "build_id": settings.build_id}
        )


@dg.multi_asset(
    specs=[dg.AssetSpec(key, deps=RAW_KEYS, group_name="recomputed") for key in RECOMPUTED_KEYS],
    required_resource_keys={"writer"},
)
def recomputed(context: dg.AssetExecutionContext):
    """Compute every metric a second time, from the raw files, without any SQL."""
    with step(context, "recomputed") as settings:
        folder = ahead.recomputed_folder(settings)
        log.info("  recomputed  every metric from the raw files, in Python ...")
        if not ahead.has_recomputed(settings, landed_files(settings)):
            ahead.recompute(settings)
        with duckdb.connect(":memory:") as connection:
            connection.execute(f"attach {_literal(settings.build_file)} as keizoku")
            connection.execute("create schema if not exists keizoku.recomputed")
            rows = {}
            for key in RECOMPUTED_KEYS:
                table = key.path[-1]
                connection.execute(
                    f"create or replace table keizoku.recomputed.{table} as "
                    f"select * from read_parquet({_literal(folder / (table + '.parquet'))})"
                )
                (rows[key],) = connection.execute(f"select count(*) from keizoku.recomputed.{table}").fetchone()
            accounts, customers, is_sample = connection.execute("from keizoku.recomputed.coverage").fetchone()
        if is_sample:
            log.info(
                "  recomputed  a fixed sample of %s customers, because there are %s accounts; "
                "totals are held against the SQL's own rows",
                f"{customers:,}",
                f"{accounts:,}",
            )
    for key in RECOMPUTED_KEYS:
        yield dg.MaterializeResult(asset_key=key, metadata={"rows": rows[key]})


@dg.asset_check(asset=DIFFERENCES, blocking=True)
def sql_and_python_agree() -> dg.AssetCheckResult:
    """Every metric, month and segment, and every customer's values and movements, are the same in SQL and in Python."""
    differences = find_differences(saved_settings().build_file)
    return dg.AssetCheckResult(
        passed=not differences,
        description="\n".join(differences) or "SQL and Python agree on every figure.",
    )


def published_models() -> list[dg.AssetKey]:
    """Asset keys of every model that readers get."""
    return [
        dg.AssetKey([node["schema"], node["name"]])
        for node in refreshed()["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] in PUBLISHED_SCHEMAS
    ]


@dg.asset(deps=published_models(), group_name="published")
def publication(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """What readers open, replaced in one step after every check has passed."""
    keep = int(number(*KEEP))
    with step(context, "publication") as settings:
        stop_when_raw_changed(settings)
        differences = find_differences(settings.build_file)
        if differences:
            raise PublicationError("SQL and Python disagree:\n" + "\n".join(differences))
        results = build_results(settings)
        not_run = sorted(name for node, name in _nodes_to_run().items() if node not in results)
        if not_run:
            raise PublicationError(f"Not every model and check has run in this build: {', '.join(not_run)}")
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
            steps=step_times(settings),
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
    warned = [(check.check_name, check.status, check.message) for check in checks if check.status == "warn"]
    failures.warn(settings, warned)
    return dg.MaterializeResult(
        metadata={"tables": len(counts), "rows": sum(counts.values()), "build_id": settings.build_id}
    )


def fingerprint(files: tuple[Fingerprint, ...]) -> str:
    """One short text for the state of all raw files."""
    return hashlib.sha256(repr(sorted(map(repr, files))).encode()).hexdigest()[:16]


def _nodes_to_run() -> dict[str, str]:
    """Names of all models, seeds and data tests of a refresh, by dbt's id."""
    return {
        node_id: node["name"]
        for node_id, node in refreshed()["nodes"].items()
        if node["resource_type"] in ("model", "seed", "test")
    }


def _literal(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


ASSETS = [raw, recomputed, warehouse, publication]
CHECKS = [sql_and_python_agree]
