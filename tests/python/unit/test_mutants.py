"""A sample of small wrong changes, each of which somebody notices; `make mutants` tries many more."""

import csv

import pytest
from builders import Warehouse, mutants
from builders.mutants import Bench, Mutant
from builders.warehouse import PROJECT

EQUIVALENTS = PROJECT / "benchmarks" / "equivalent_mutants.csv"
DRAWN = mutants.drawn(seed=1, sql=10, python=5)


@pytest.fixture(scope="module")
def bench(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(warehouse, tmp_path_factory.mktemp("mutants"), customers=40)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[Mutant, str]:
    return mutants.compile_all(DRAWN, tmp_path_factory.mktemp("compiled"))


def test_the_honest_project_is_not_accused(bench: Bench) -> None:
    for ground in bench.grounds:
        assert "sql_and_python_agree" not in ground.honest, ground.name
        assert ground.broken == set(), ground.name


def test_what_is_listed_as_equivalent_can_still_be_drawn_and_says_why() -> None:
    with EQUIVALENTS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert row["change"] in {mutant.change for mutant in mutants.of_file(PROJECT / row["file"])}, row
        assert len(row["reason"].split()) > 5, row
    assert len(rows) == len({(row["file"], row["change"]) for row in rows})


@pytest.mark.parametrize("mutant", DRAWN, ids=str)
def test_a_small_wrong_change_is_noticed(bench: Bench, compiled: dict[Mutant, str], mutant: Mutant) -> None:
    with EQUIVALENTS.open(encoding="utf-8", newline="") as file:
        known = {(row["file"], row["change"]) for row in csv.DictReader(file)}
    assert bench.notices(mutant, compiled.get(mutant)) or (mutant.file, mutant.change) in known
