"""The dbt project as Dagster assets: its manifest, its build, and what its results say."""

import json
import logging
import os
import subprocess  # noqa: S404  dbt has no in-process call that is safe beside Dagster
import sys
from pathlib import Path

import duckdb
from dagster import AssetExecutionContext
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets

from orchestration.settings import PROJECT, Settings, saved_settings

log = logging.getLogger("keizoku")

DBT = Path(sys.executable).with_name("dbt")
PROFILES = PROJECT / "profiles"
MANIFEST = PROJECT / "target" / "manifest.json"
PROJECT_FILES = ("dbt_project.yml", "profiles/*", "models/**/*", "macros/**/*", "seeds/**/*", "tests/**/*.sql", "analyses/**/*")


def fresh_manifest() -> Path:
    """Path of the dbt manifest, parsed again when a project file is newer than it."""
    newest = max(path.stat().st_mtime for pattern in PROJECT_FILES for path in PROJECT.glob(pattern))
    if not MANIFEST.is_file() or MANIFEST.stat().st_mtime < newest:
        subprocess.run(  # noqa: S603  a fixed command
            [DBT, "--quiet", "parse", "--project-dir", PROJECT, "--profiles-dir", PROFILES], cwd=PROJECT, check=True
        )
    return MANIFEST


@dbt_assets(manifest=fresh_manifest(), name="dbt")
def warehouse(context: AssetExecutionContext, dbt: DbtCliResource):
    """Staging, marts, metrics, reconciliation and audit, with dbt's data tests as asset checks."""
    settings = saved_settings()
    log.info("  dbt         staging, marts, metrics, and their checks ...")
    os.environ["KEIZOKU_BUILD"] = str(settings.build_file)
    build = dbt.cli(
        ["build", "--exclude-resource-type", "unit_test"],
        context=context,
        target_path=settings.dbt_target,
        raise_on_error=True,
    )
    yield from build.stream()


def dbt_resource() -> DbtCliResource:
    """The dbt command of this environment."""
    return DbtCliResource(
        DbtProject(PROJECT, profiles_dir=PROFILES, target_path=MANIFEST.parent), dbt_executable=str(DBT)
    )


def dbt_results(settings: Settings) -> list[dict]:
    """Results of the last dbt invocation of this build: node, status, message, compiled SQL."""
    results = json.loads((settings.dbt_target / "run_results.json").read_text(encoding="utf-8"))["results"]
    return [
        {
            "node": result["unique_id"],
            "name": result["unique_id"].split(".")[2],
            "status": result["status"],
            "message": result["message"],
            "sql": result["compiled_code"],
        }
        for result in results
    ]


def explain_failures(settings: Settings, most_rows: int = 3) -> list[str]:
    """One paragraph a failed node: its name, dbt's message and the first rows that a failed test found."""
    paragraphs = []
    for result in dbt_results(settings):
        if result["status"] not in ("error", "fail", "runtime error"):
            continue
        paragraph = f"{result['name']}: {result['message']}"
        if result["status"] == "fail":
            with duckdb.connect(":memory:") as connection:
                connection.execute("set TimeZone = 'UTC'")
                path = str(settings.build_file).replace("'", "''")
                connection.execute(f"attach '{path}' as keizoku (read_only)")
                rows = connection.execute(result["sql"])
                columns = [column[0] for column in rows.description]
                for row in rows.fetchmany(most_rows):
                    paragraph += "\n    " + ", ".join(f"{c}={v}" for c, v in zip(columns, row, strict=True))
        paragraphs.append(paragraph)
    return paragraphs
