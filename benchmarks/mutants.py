"""Small wrong changes of the project, one at a time, and who notices each: `make mutants`.

A refresh is asked first (the comparison of SQL with Python, and the data tests), on companies told or made up at
random; then what the Python tests say of such companies; then dbt's unit tests of the model, and the Python tests that
speak of it. What nobody notices is either listed as equivalent in benchmarks/equivalent_mutants.csv, with the reason,
or a gap: the exit status is then 1. A few of those that a refresh notices go through a real `make run` as well, which
the honest project ends well.

    make mutants            # COUNT=150 SEED=1 JOBS=2
"""

import argparse
import csv
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests" / "python")]

from builders import Warehouse, mutants  # noqa: E402
from builders.warehouse import seeds_with  # noqa: E402

EQUIVALENTS = Path(__file__).with_name("equivalent_mutants.csv")
NOT_ASKED = ("test_mutants.py", "test_conventions.py", "test_documents.py")  # they speak of every model
PYTHON_SHARE = 3  # one of so many is a mutant of the second opinion


def equivalents() -> dict[tuple[str, str], str]:
    """Mutants that change no figure of any company, with the reason."""
    with EQUIVALENTS.open(encoding="utf-8", newline="") as file:
        return {(row["file"], row["change"]): row["reason"] for row in csv.DictReader(file)}


class Worker:
    """A process with companies of its own, built by the honest project."""

    bench: mutants.Bench

    @classmethod
    def start(cls, warehouse: Warehouse, folder: Path, customers: int) -> None:
        """Build the companies."""
        cls.bench = mutants.Bench(warehouse, folder / f"worker-{os.getpid()}", customers)

    @classmethod
    def notices(cls, mutant: mutants.Mutant, sql: str | None) -> str | None:
        """Say who notices a mutant."""
        return cls.bench.notices(mutant, sql)

    @classmethod
    def python_tests_notice(cls, mutant: mutants.Mutant, folder: Path) -> str | None:
        """Ask the Python tests that speak of a model, or of the second opinion, with the mutant in place."""
        spoken_of = re.compile(rf"\b{mutant.name}\b" + ("" if mutant.file.endswith(".sql") else r"|\brecompute\b"))
        files = [
            str(file.relative_to(PROJECT))
            for file in sorted((PROJECT / "tests" / "python" / "unit").glob("test_*.py"))
            if file.name not in NOT_ASKED and spoken_of.search(file.read_text(encoding="utf-8"))
        ]
        if not files:
            return None
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *files],
            cwd=cls._copy(mutant, folder), env=os.environ | {"PYTHONPATH": ""},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        shutil.rmtree(folder)
        failed = re.search(r"^(?:FAILED|ERROR) (\S+)", run.stdout, re.MULTILINE)
        return f"python tests: {failed.group(1)}" if failed else None

    @staticmethod
    def _copy(mutant: mutants.Mutant | None, folder: Path) -> Path:
        """Copy the whole project, with the mutant in place, to a folder of its own."""
        copy = folder / "project"
        ignored = shutil.ignore_patterns(".venv*", "data", ".git", "logs", ".*_cache")
        shutil.copytree(PROJECT, copy, ignore=ignored)
        (copy / ".venv").symlink_to((PROJECT / ".venv").resolve())
        if mutant is not None:
            mutant.write(copy)
        return copy

    @classmethod
    def write_build(cls, file: Path) -> None:
        """Write a build of the honest project to a file."""
        cls.bench.write_build(file)

    @classmethod
    def stops_a_real_run(cls, mutant: mutants.Mutant | None, folder: Path) -> bool:
        """Whether `make run` publishes nothing of the bench's largest company once the mutant is in place."""
        judged = next(ground.judged for ground in cls.bench.grounds if ground.name == mutants.LARGEST)
        copy = cls._copy(mutant, folder)
        shutil.rmtree(copy / "seeds")
        seeds_with(judged.settings.policy, copy / "seeds")
        about = {
            "KEIZOKU_RAW": judged.raw_folder, "KEIZOKU_HOME": folder / "home",
            "KEIZOKU_AS_OF": judged.settings.as_of_date, "KEIZOKU_CURRENCY": judged.settings.currency,
            "KEIZOKU_TIMEZONE": judged.settings.time_zone,
        }  # fmt: skip
        run = subprocess.run(
            ["make", "run"], cwd=copy, env=os.environ | {name: str(value) for name, value in about.items()},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        shutil.rmtree(folder)
        return run.returncode != 0


def unit_tests_notice(suspects: Iterable[mutants.Mutant], build: Path, folder: Path) -> set[mutants.Mutant]:
    """Ask dbt's unit tests of each model that has any, with that model's mutant in place, on an honest build."""
    noticed = set()
    for batch, project in mutants.in_place(suspects, folder / "unit"):
        chosen = ",test_type:unit ".join([*(mutant.name for mutant in batch), ""]).split()
        subprocess.run(
            [Path(sys.executable).with_name("dbt"), "--quiet", "test", "--select", *chosen], cwd=project,
            env=os.environ | {"KEIZOKU_BUILD": str(build), "DBT_PROFILES_DIR": str(project / "profiles")},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        results = json.loads((project / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
        failed = {result["unique_id"].split(".")[2] for result in results if result["status"] in ("fail", "error")}
        noticed |= {mutant for mutant in batch if mutant.name in failed}
    return noticed


def main() -> int:
    """Draw mutants, ask who notices each, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--real", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--customers", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    random, known, started = Random(options.seed), equivalents(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="keizoku-mutants-") as name:
        folder = Path(name)
        warehouse = Warehouse(folder)
        python = options.count // PYTHON_SHARE
        drawn = mutants.drawn(options.seed, options.count - python, python)
        compiled = mutants.compile_all(drawn, folder)
        told: dict[mutants.Mutant, str | None] = {}
        with ProcessPoolExecutor(
            options.jobs, multiprocessing.get_context("spawn"), Worker.start, (warehouse, folder, options.customers)
        ) as workers:
            asked = [workers.submit(Worker.notices, mutant, compiled.get(mutant)) for mutant in drawn]
            for number, (mutant, answer) in enumerate(zip(drawn, asked, strict=True), 1):
                told[mutant] = answer.result()
                print(f"{number:4} {told[mutant] or '?'} | {mutant} | {mutant.was}", flush=True)
            noticed = [mutant for mutant, who in told.items() if who and who.endswith(f"({mutants.LARGEST})")]
            noticed = [mutant for mutant in noticed if told[mutant].startswith("refresh")]
            chosen = [None, *random.sample(noticed, min(options.real, len(noticed)))]
            real = {
                mutant: workers.submit(Worker.stops_a_real_run, mutant, folder / f"real-{number}")
                for number, mutant in enumerate(chosen)
            }
            workers.submit(Worker.write_build, folder / "build.duckdb").result()
            suspects = [mutant for mutant, who in told.items() if who is None]
            told |= dict.fromkeys(unit_tests_notice(suspects, folder / "build.duckdb", folder), "unit tests")
            asked = {
                mutant: workers.submit(Worker.python_tests_notice, mutant, folder / f"tests-{number}")
                for number, mutant in enumerate(mutant for mutant, who in told.items() if who is None)
            }
            told |= {mutant: answer.result() for mutant, answer in asked.items()}
            stopped = {mutant: answer.result() for mutant, answer in real.items()}
    missed = [mutant for mutant, who in told.items() if who is None and (mutant.file, mutant.change) not in known]
    counts = Counter("nobody" if who is None else who.partition(":")[0] for who in told.values())
    print(f"\n{len(told)} in {(time.monotonic() - started) / 60:.0f} minutes")
    print("noticed by " + ", ".join(f"{who} {count}" for who, count in counts.most_common()))
    honest_stopped = stopped.pop(None)
    print(f"real runs stopped: {sum(stopped.values())} of {len(stopped)}; the honest one: {honest_stopped}")
    for mutant, was_stopped in stopped.items():
        print(f"  {'stopped' if was_stopped else 'PUBLISHED'} | {mutant}")
    print(f"nobody, and not listed as equivalent: {len(missed)}")
    for mutant in missed:
        print(f"  {mutant} | {mutant.was}")
    return 1 if missed or honest_stopped or not all(stopped.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
