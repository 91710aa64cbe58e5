"""What the dbt project says of itself: its unit tests, and its linters."""

import shutil
import subprocess
import sys
from pathlib import Path

from builders.refreshes import PROJECT, environment, golden

BIN = Path(sys.executable).parent


def test_every_unit_test_and_every_grain_of_the_models_passes(tmp_path: Path) -> None:
    build = tmp_path / "keizoku.duckdb"
    shutil.copyfile(golden() / "home" / "build" / "keizoku.duckdb", build)
    run = subprocess.run(
        [
            BIN / "dbt", "test", "--target-path", tmp_path / "target", "--log-path", tmp_path / "logs",
        ],
        cwd=PROJECT,
        env=environment(KEIZOKU_BUILD=build, DBT_PROFILES_DIR=PROJECT / "profiles"),
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:]
    assert " unit tests" in run.stdout
    assert " SKIP=0" in run.stdout


def test_the_linters_find_nothing() -> None:
    run = subprocess.run(
        ["make", "--no-print-directory", "lint"],
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, (run.stdout + run.stderr)[-3000:]
