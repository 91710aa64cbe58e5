"""Small wrong changes of the project, one at a time, and who notices each: `make mutants`.

A refresh is asked first (the comparison of SQL with Python, and the data tests), on companies made up at random; then
what the Python tests say of such companies; then dbt's unit tests. What nobody notices is either listed as equivalent
in benchmarks/equivalent_mutants.csv, with the reason, or a gap: the exit status is then 1. A few of those that a
refresh notices go through a real `make run` as well, after the honest project has published the same company.

    make mutants            # COUNT=150 SEED=1
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests" / "python")]

from builders import Warehouse, inventions, mutants  # noqa: E402
from builders.warehouse import Settings, write_raw  # noqa: E402

EQUIVALENTS = Path(__file__).with_name("equivalent_mutants.csv")
PYTHON_SHARE = 3  # one of so many is a mutant of the second opinion


def equivalents() -> dict[tuple[str, str], str]:
    """Mutants that change no figure of any company, with the reason."""
    with EQUIVALENTS.open(encoding="utf-8", newline="") as file:
        return {(row["file"], row["change"]): row["reason"] for row in csv.DictReader(file)}


def unit_tests_notice(suspects: list[mutants.Mutant], folder: Path) -> dict[mutants.Mutant, str]:
    """Ask dbt's unit tests of each model that has any, with that model's mutant in place."""
    found = {}
    project = mutants.copy_project(folder / "unit")
    environment = os.environ | {
        "KEIZOKU_BUILD": str(folder / "unit.duckdb"),
        "DBT_PROFILES_DIR": str(project / "profiles"),
    }
    for mutant in suspects:
        if not mutant.file.endswith(".sql") or "unit_tests:" not in (PROJECT / mutant.file).with_suffix(
            ".yml"
        ).read_text(encoding="utf-8"):
            continue
        mutant.write(project)
        run = subprocess.run(
            [Path(sys.executable).with_name("dbt"), "build", "--empty", "--select", f"+{mutant.name}", "--quiet"],
            cwd=project, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        shutil.copy(PROJECT / mutant.file, project / mutant.file)
        if run.returncode:
            found[mutant] = "unit tests"
    return found


def stops_a_real_run(mutant: mutants.Mutant | None, folder: Path, raw: Path, settings: Settings) -> bool:
    """Whether `make run` on a copy of the project with the mutant publishes nothing."""
    copy = folder / "real"
    shutil.rmtree(copy, ignore_errors=True)
    ignored = shutil.ignore_patterns(".venv*", "data", ".git", "logs", ".*_cache")
    shutil.copytree(PROJECT, copy, ignore=ignored)
    (copy / ".venv").symlink_to((PROJECT / ".venv").resolve())
    if mutant is not None:
        mutant.write(copy)
    about = {
        "KEIZOKU_RAW": raw, "KEIZOKU_HOME": folder / "home", "KEIZOKU_AS_OF": settings.as_of_date,
        "KEIZOKU_CURRENCY": settings.currency, "KEIZOKU_TIMEZONE": settings.time_zone,
    }  # fmt: skip
    run = subprocess.run(
        ["make", "run"], cwd=copy, env=os.environ | {name: str(value) for name, value in about.items()},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return run.returncode != 0


def main() -> int:
    """Draw mutants, ask who notices each, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--real", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--customers", type=int, default=40)
    options = parser.parse_args()
    random, known = Random(options.seed), equivalents()
    with tempfile.TemporaryDirectory(prefix="keizoku-mutants-") as name:
        folder = Path(name)
        bench = mutants.Bench(Warehouse(folder), folder, options.customers)
        python = options.count // PYTHON_SHARE
        drawn = mutants.drawn(options.seed, options.count - python, python)
        compiled = bench.compile(drawn)
        told = {}
        for number, mutant in enumerate(drawn, 1):
            told[mutant] = bench.notices(mutant, compiled.get(mutant))
            print(f"{number:4} {told[mutant] or '?'} | {mutant} | {mutant.was}", flush=True)
        told |= unit_tests_notice([mutant for mutant, who in told.items() if who is None], folder)
        noticed = [mutant for mutant, who in told.items() if who and who.startswith("refresh") and "(crooked)" in who]
        settings = Settings(bench.grounds[0].judged.settings.as_of_date)
        raw = write_raw(folder / "raw", inventions.invent(Random(0), settings, 12))
        real = {
            mutant: stops_a_real_run(mutant, folder, raw, settings) for mutant in random.sample(noticed, options.real)
        }
    missed = [mutant for mutant, who in told.items() if who is None and (mutant.file, mutant.change) not in known]
    counts = Counter("nobody" if who is None else who.partition(":")[0] for who in told.values())
    print("\nnoticed by " + ", ".join(f"{who} {count}" for who, count in counts.most_common()))
    print(f"real runs stopped: {sum(real.values())} of {len(real)}")
    for mutant, stopped in real.items():
        print(f"  {'stopped' if stopped else 'PUBLISHED'} | {mutant}")
    print(f"nobody, and not listed as equivalent: {len(missed)}")
    for mutant in missed:
        print(f"  {mutant} | {mutant.was}")
    return 1 if missed or not all(real.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
