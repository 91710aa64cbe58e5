"""dbt's work on the build database: started, ended with its run, and what its results say."""

import fcntl
import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import duckdb

from orchestration.operations.lock import dbt_lock_file
from orchestration.settings import PROJECT, Settings
from orchestration.warehouse import rejections
from orchestration.warehouse.build_folder import remember_results
from orchestration.warehouse.checks import message_of
from orchestration.warehouse.database import SPILLED, attached, limits
from orchestration.warehouse.differences import find_differences
from orchestration.warehouse.manifest import PRIVATE_GRAINS, PROFILES

LAST_LINES = 20


class DbtError(Exception):
    """Models or checks that failed, or a dbt that did not come so far; the message says which and why."""


def build(settings: Settings, nodes: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """Build models, seeds and their checks: all of a refresh, or the nodes of these names and no others.

    Gives node, name, status, message and compiled SQL of each, also when some failed; the results are kept with the
    build. Raises DbtError when dbt did not come so far as to have results.
    """
    selection = [] if nodes is None else ["--indirect-selection", "empty", "--select", *nodes]
    results_file = settings.build / "dbt_results.json"
    results_file.unlink(missing_ok=True)
    status, said = _run(
        settings,
        [
            str(results_file),
            # What it says is in build/dbt.log, its statements are in target/run, and what goes wrong is said here, too.
            "--quiet", "--no-use-colors", "--log-level-file", "info", "--log-path", str(settings.build), "build",
            *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure"),
            *("--exclude", f"tag:{PRIVATE_GRAINS}", *selection),
            "--project-dir", str(PROJECT), "--profiles-dir", str(PROFILES), "--target-path", str(settings.dbt_target),
        ],
    )  # fmt: skip
    try:
        told = json.loads(results_file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DbtError(f"dbt ended with status {status} and no results. It said last:\n{said}") from error
    remember_results(settings, told["results"])
    if told["error"] or not told["results"]:
        raise DbtError(f"dbt did not build: {told['error'] or said}")
    results: list[dict[str, Any]] = told["results"]
    return results


def _run(settings: Settings, arguments: list[str]) -> tuple[int, str]:
    """Run dbt in a process of its own; give its exit status and what it said last."""
    last: deque[str] = deque(maxlen=LAST_LINES)
    python_path = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))
    # It ends when its standard input does, which this process holds. Whoever comes next waits for the lock until then.
    with dbt_lock_file(settings.home).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        process = subprocess.Popen(  # noqa: S603  a fixed command
            [sys.executable, "-m", "orchestration.warehouse.dbt_process", *arguments],
            # dbt parses the project anew, for seconds, when a path of its profile is another one: so they are relative.
            cwd=settings.build,
            env=os.environ
            | {f"KEIZOKU_{name.upper()}": limit for name, limit in limits().items()}
            | {"KEIZOKU_BUILD": settings.build_file.name, "KEIZOKU_TEMP_DIRECTORY": SPILLED}
            | {"DO_NOT_TRACK": "1", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": python_path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[lock.fileno()],
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    try:
        assert process.stdout is not None  # noqa: S101  it is a pipe
        for line in process.stdout:
            print(line, end="")
            last.append(line)
        return process.wait(), "".join(last).strip()
    finally:
        process.kill()
        process.wait()


def failed(result: dict[str, Any]) -> bool:
    """Whether a node stops a publication."""
    return result["status"] in ("error", "fail", "runtime error")


def explain_failures(settings: Settings, results: Iterable[dict[str, Any]], most_rows: int = 3) -> list[str]:
    """Too many rejected rows; where SQL and Python disagree; a paragraph a failed node, with the first rows found."""
    paragraphs = []
    with suppress(duckdb.CatalogException):  # it failed before they were compared
        differences = find_differences(settings.build_file)
        paragraphs += ["SQL and Python disagree:\n" + "\n".join(differences)] if differences else []
    failing = list(filter(failed, results))
    if stopped := {r["name"]: rows_found(settings, r, 100) for r in failing if r["name"] in rejections.CHECKS}:
        paragraphs.insert(0, rejections.explain(settings.build_file, stopped))
    for result in failing:
        if result["name"] in rejections.CHECKS:
            continue
        rows = rows_found(settings, result, most_rows)
        told = ["    " + ", ".join(f"{column}={value}" for column, value in row.items()) for row in rows]
        paragraphs.append("\n".join([f"{result['name']}: {message_of(result)}", *told]))
    return paragraphs


def rows_found(settings: Settings, result: dict[str, Any], most: int) -> list[dict[str, Any]]:
    """The first rows that a check found; none when it passed or could not run."""
    if result["status"] not in ("fail", "warn") or not result["sql"]:
        return []
    with attached(settings.build_file, read_only=True) as connection:
        rows = connection.execute(result["sql"])
        columns = [column[0] for column in rows.description]
        return [dict(zip(columns, row, strict=True)) for row in rows.fetchmany(most)]
