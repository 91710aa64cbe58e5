"""Refreshes through the public command, and publications without one, for the tests that need them."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path

import duckdb

from orchestration.publication import history
from orchestration.publication.publish import publish

PROJECT = Path(__file__).resolve().parents[3]
TESTS = PROJECT / "tests" / "python"
GOLDEN = PROJECT / "tests" / "golden" / "g1"
AS_OF = "2025-12-31"
# Names the folder of what the processes of a session share; conftest.py makes it and clears it away.
SHARED = "KEIZOKU_TESTS_SHARED"
SECRET = "b7e2-a-secret-that-nobody-may-see"  # noqa: S105


def environment(**settings: object) -> dict[str, str]:
    """The environment with these settings of the project and no others."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("KEIZOKU_", "DAGSTER_"))}
    return clean | {name: str(value) for name, value in settings.items()}


def make(*arguments: str, project: Path = PROJECT, **settings: object) -> subprocess.CompletedProcess:
    """Run make with these settings of the project and no others; give its exit status and output."""
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=project,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def keizoku(*arguments: str, **settings: object) -> subprocess.CompletedProcess:
    """Run the project's command with these settings and no others; give its exit status and output."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("keizoku")), *arguments],
        cwd=PROJECT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def read(published: Path, query: str) -> list[tuple]:
    """Rows of a query on a published file."""
    with duckdb.connect(str(published), read_only=True) as connection:
        return connection.execute(query).fetchall()


def _once(name: str, fill: Callable[[Path], None]) -> Path:
    """A folder of the session that is filled once, by the first of its processes that asks for it."""
    shared = Path(os.environ[SHARED])
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = shared / f"{name}.done"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            fill(folder)
            done.touch()
    return folder


@cache
def golden() -> Path:
    """A home in which `make run` has published the golden fixture, once a session. Tests work on copies of it.

    What it printed is beside it, in output.txt. Its webhook is an address at which nobody answers.
    """

    def fill(folder: Path) -> None:
        shutil.copytree(GOLDEN / "raw", folder / "raw")
        run = make("run", KEIZOKU_WEBHOOK_URL=f"http://127.0.0.1:9/{SECRET}", **settings_of(folder))
        assert run.returncode == 0, run.stderr
        assert SECRET not in run.stdout + run.stderr
        (folder / "output.txt").write_text(run.stdout, encoding="utf-8")

    return _once("golden", fill)


@cache
def demo() -> Path:
    """A home in which `make run` has published the demo company, once a session: raw/, home/ and output.txt.

    Read it; whoever wants to write copies it first.
    """

    def fill(folder: Path) -> None:
        made = make("demo", KEIZOKU_RAW=folder / "raw")
        assert made.returncode == 0, made.stderr
        run = make("run", KEIZOKU_RAW=folder / "raw", KEIZOKU_HOME=folder / "home")
        assert run.returncode == 0, run.stderr
        (folder / "output.txt").write_text(run.stdout, encoding="utf-8")

    return _once("demo", fill)


def settings_of(folder: Path, **others: object) -> dict[str, object]:
    """Settings of the golden fixture for a folder that holds raw/ and home/."""
    return {"KEIZOKU_HOME": folder / "home", "KEIZOKU_RAW": folder / "raw", "KEIZOKU_AS_OF": AS_OF} | others


def copy_of_golden(folder: Path) -> Path:
    """The folder of the golden home, copied to a new place."""
    shutil.copytree(golden(), folder, symlinks=True)
    return folder


def contents(published: Path) -> dict[str, tuple]:
    """Every table's number of rows and a checksum of its cells, without what names the run itself."""
    with duckdb.connect(str(published), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name, list(column_name) filter (column_name in ('build', 'build_id')) "
            "from duckdb_columns() where not internal and table_name <> 'run_steps' group by all order by all"
        ).fetchall()
        found = {}
        for schema, table, builds in tables:
            columns = f"* exclude ({', '.join(builds)})" if builds else "*"
            rows = f'(select {columns} from "{schema}"."{table}") as cells'
            found[f"{schema}.{table}"] = connection.execute(
                f"select count(*), bit_xor(hash(cells)), sum(hash(cells)) from {rows}"
            ).fetchone()
        return found


def build_ids(published: Path) -> set[str]:
    """Every build id that stands anywhere in a published file."""
    with duckdb.connect(str(published), read_only=True) as connection:
        return builds_seen(connection)


def builds_seen(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Every build id that an open file holds, read in one query."""
    tables = connection.execute(
        "select schema_name || '.' || table_name from duckdb_columns() where column_name = 'build_id' and not internal"
    ).fetchall()
    union = " union ".join(f"select build_id from {table}" for (table,) in tables)
    return {build for (build,) in connection.execute(union).fetchall()}


STAMPED = ("marts.dim_accounts", "marts.fct_account_months", "metrics.metric_values", "audit.publication")


def small_build(file: Path, build_id: str, rows: int = 100) -> Path:
    """A build file with a few tables, each stamped with its build: enough to publish, in an instant."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as connection:
        for schema in ("state", "marts", "metrics", "reconciliation", "audit"):
            connection.execute(f"create schema {schema}")
        connection.execute("create table state.run_settings as select $1 as build_id", [build_id])
        connection.execute(
            "create table audit.publication as select $1 as build_id, cast($2 as date) as as_of_date, "
            "'JPY' as currency, 'Asia/Tokyo' as time_zone",
            [build_id, date.fromisoformat(AS_OF)],
        )
        for table in STAMPED[:-1]:
            names = f"select $1 as build_id, md5(cast(range as varchar)) as name from range({rows})"
            connection.execute(f"create table {table} as {names}", [build_id])
    return file


def publish_small(home: Path, build_id: str, folder: Path, **options: object) -> Path:
    """Publish a small build; give the published file."""
    published = home / "published" / history.FILE
    publish(small_build(folder / f"{build_id}.duckdb", build_id), published, build_id, [], **options)
    return published
