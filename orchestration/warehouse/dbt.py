"""The dbt project as Dagster assets: its manifest, its build, and what its results say."""

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import duckdb
from dagster import AssetExecutionContext
from packaging.version import Version

from orchestration import ahead, child
from orchestration.defs.resources import step
from orchestration.operations.lock import dbt_lock_file
from orchestration.settings import PROJECT, Settings
from orchestration.warehouse.build_folder import remember_results

# dagster-dbt works with and without dbt beside it. With it, it would load half of dbt here, which takes two seconds;
# ours runs in a process of its own.
sys.modules.setdefault("dbt", None)
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets  # noqa: E402

if sys.modules["dbt"] is None:
    del sys.modules["dbt"]

log = logging.getLogger("keizoku")

DBT = Path(sys.executable).with_name("dbt")
PROFILES = PROJECT / "profiles"
MANIFEST = PROJECT / "target" / "manifest.json"
PROJECT_FILES = (
    "dbt_project.yml", "profiles/*", "models/**/*", "macros/**/*", "seeds/**/*", "tests/**/*.sql",
    "tests/sql/*.yml", "analyses/**/*",
)  # fmt: skip


def fresh_manifest() -> Path:
    """Path of the dbt manifest, parsed again when a project file is newer than it."""
    newest = max(path.stat().st_mtime for pattern in PROJECT_FILES for path in PROJECT.glob(pattern))
    if not MANIFEST.is_file() or MANIFEST.stat().st_mtime < newest:
        MANIFEST.parent.mkdir(exist_ok=True)
        # Parsed beside its place: two may do so at once, and one that is killed leaves no half of a manifest.
        with tempfile.TemporaryDirectory(prefix="parsing-", dir=MANIFEST.parent) as folder:
            known = MANIFEST.with_name("partial_parse.msgpack")
            if known.is_file():
                shutil.copyfile(known, Path(folder) / known.name)
            subprocess.run(  # noqa: S603  a fixed command
                [
                    DBT,
                    "--quiet",
                    "parse",
                    "--target-path",
                    folder,
                    "--project-dir",
                    PROJECT,
                    "--profiles-dir",
                    PROFILES,
                ],
                cwd=PROJECT,
                check=True,
            )
            os.utime(Path(folder) / MANIFEST.name, (newest, newest))  # a file saved meanwhile is newer
            for artefact in (known, MANIFEST):
                (Path(folder) / artefact.name).replace(artefact)
    return MANIFEST


# The grain of private layers is a developer's concern: `make test` proves it, and a refresh is a third faster. What a
# doubled row does to a figure shows here too: in the published grains, the identities and the recomputation. So is the
# grain of each metric's own file: metric_values, of all of them, has its own.
PRIVATE_GRAINS = "private_grain"


@cache
def refreshed() -> dict:
    """The dbt manifest with the nodes of a refresh."""
    manifest = json.loads(fresh_manifest().read_text(encoding="utf-8"))
    left_out = {key for key, node in manifest["nodes"].items() if PRIVATE_GRAINS in node["tags"]}
    return manifest | {
        "nodes": {key: node for key, node in manifest["nodes"].items() if key not in left_out},
        "child_map": {
            key: [other for other in children if other not in left_out]
            for key, children in manifest["child_map"].items()
            if key not in left_out
        },
    }


@dbt_assets(manifest=refreshed(), name="dbt", required_resource_keys={"dbt", "writer"})
def warehouse(context: AssetExecutionContext):
    """Staging, marts, metrics, reconciliation and audit, with dbt's data tests as asset checks."""
    with step(context, "dbt") as settings:
        log.info("  dbt         staging, marts, metrics, and their checks ...")
        (settings.dbt_target / "run_results.json").unlink(missing_ok=True)
        try:
            with _tied_to_this_process(settings), ahead.dbt_waiting():
                build = context.resources.dbt.cli(
                    ["build", "--exclude-resource-type", "unit_test", "--exclude", f"tag:{PRIVATE_GRAINS}"],
                    context=context,
                    target_path=settings.dbt_target,
                    raise_on_error=True,
                )
            yield from build.stream()
        finally:
            remember_results(settings, dbt_results(settings))


@contextmanager
def _tied_to_this_process(settings: Settings) -> Iterator[None]:
    """What dbt.sh and child.py read from the environment when dbt starts."""
    names = {
        **ahead.dbt_environment(settings),
        "KEIZOKU_PYTHON": sys.executable,
        **child.tied_to_this_process(dbt_lock_file(settings.home)),
    }
    os.environ.update(names)
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]


class Dbt(DbtCliResource):
    """dbt without what Dagster would ask of it before each run, which takes longer than any model.

    The version is the installed package's, and there is no second handle to the database: nobody but dbt opens a
    build while dbt writes it.
    """

    @property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:
        return None


def dbt_resource() -> Dbt:
    """The dbt command of this environment, as a run starts it."""
    os.environ.setdefault("KEIZOKU_PYTHON", sys.executable)
    return Dbt(
        DbtProject(PROJECT, profiles_dir=PROFILES, target_path=MANIFEST.parent),
        dbt_executable=PROJECT / "orchestration" / "dbt.sh",
        # What it says is in refresh.log, and its statements are in run/; a log of its own takes as long as those.
        global_config_flags=["--log-level-file", "none"],
    )


def dbt_results(settings: Settings) -> list[dict]:
    """Results of the last dbt invocation of this build: node, status, message, compiled SQL; none when it died."""
    file = settings.dbt_target / "run_results.json"
    if not file.is_file():
        return []
    return [
        {
            "node": result["unique_id"],
            "name": result["unique_id"].split(".")[2],
            "status": result["status"],
            "message": result["message"],
            "failures": result["failures"],
            "sql": result["compiled_code"],
        }
        for result in json.loads(file.read_text(encoding="utf-8"))["results"]
    ]


def explain_failures(settings: Settings, most_rows: int = 3) -> list[str]:
    """Where SQL and Python disagree, then a paragraph a failed node: its name, dbt's message, the first rows found."""
    paragraphs = []
    with suppress(duckdb.CatalogException):  # it failed before they were compared
        differences = find_differences(settings.build_file)
        paragraphs += ["SQL and Python disagree:\n" + "\n".join(differences)] if differences else []
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


def find_differences(build_file: Path, most: int = 10) -> list[str]:
    """Where SQL and Python disagree, a line each: metric, month, segment and both values; at most `most` a table."""
    lines: list[str] = []
    with duckdb.connect(":memory:") as connection:
        path = str(build_file).replace("'", "''")
        connection.execute(f"attach '{path}' as keizoku (read_only)")
        total = 0
        for table, label, sides in (
            (
                "recomputed_metric_differences",
                "metric_key || ' ' || strftime(month, '%Y-%m') || ' ' || segment_type || '=' || segment_value",
                ("value", "numerator", "denominator", "sample_size", "null_reason"),
            ),
            (
                "recomputed_movement_differences",
                "'movement of ' || account_id || ' ' || strftime(month, '%Y-%m') || ' ' || movement_type "
                "|| ' ' || reason",
                ("amount_mrr",),
            ),
            (
                "recomputed_account_differences",
                "measure || ' of ' || account_id || ' ' || strftime(month, '%Y-%m')",
                ("value",),
            ),
        ):
            values = ", ".join(f"{side}, recomputed_{side}" for side in sides)
            # The newest total that readers would have seen wrong says most.
            order = "value is not distinct from recomputed_value, segment_type <> 'total', month desc, 1"
            rows = connection.execute(
                f"select {label}, {values} from keizoku.reconciliation.{table} where is_different "
                f"order by {order if 'metric' in table else '1'}"
            ).fetchall()
            total += len(rows)
            for name, *pairs in rows[:most]:
                both = [
                    f"{side}: SQL {pairs[2 * i]}, Python {pairs[2 * i + 1]}"
                    for i, side in enumerate(sides)
                    if i == 0 or pairs[2 * i] != pairs[2 * i + 1]
                ]
                lines.append(f"{name}: " + "; ".join(both))
        if total > len(lines):
            lines.append(f"... and {total - len(lines)} more; see schema reconciliation in {build_file}")
    return lines
