"""`keizoku ask`: every question of analyses/ is answered from the published file alone, whole, with its total."""

import csv
import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml
from builders import refreshes
from builders.refreshes import PROJECT, keizoku, make, read

DESCRIBED = {
    entry["name"]: entry
    for entry in yaml.safe_load((PROJECT / "analyses" / "_analyses.yml").read_text(encoding="utf-8"))["analyses"]
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that holds the golden publication's file and nothing else."""
    folder = tmp_path_factory.mktemp("reader") / "ホーム of a reader"
    (folder / "published").mkdir(parents=True)
    shutil.copyfile(
        refreshes.golden() / "home" / "published" / "keizoku.duckdb", folder / "published" / "keizoku.duckdb"
    )
    return folder


def answered(home: Path, name: str) -> list[dict[str, str]]:
    """The rows that a question gives as CSV."""
    asked = keizoku("ask", name, "--csv", KEIZOKU_HOME=home)
    assert asked.returncode == 0, asked.stderr
    return list(csv.DictReader(asked.stdout.splitlines()))


def test_every_analysis_is_listed_with_its_question_in_both_languages():
    assert sorted(DESCRIBED) == sorted(file.stem for file in (PROJECT / "analyses").glob("*.sql"))
    for listed in (keizoku("ask"), make("ask")):
        assert listed.returncode == 0, listed.stderr
        for name, entry in DESCRIBED.items():
            asked = f"{name}\n    {entry['description']}\n    {entry['config']['meta']['question_ja']}\n"
            assert asked in listed.stdout, name


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_question_is_answered_with_every_column_and_row_and_the_total_of_what_adds_up(home, name):
    rows = answered(home, name)
    for width in ("400", "60"):  # a table, and a block a row
        asked = keizoku("ask", name, KEIZOKU_HOME=home, COLUMNS=width)
        assert asked.returncode == 0, asked.stderr
        lines = asked.stdout.splitlines()
        assert lines[:2] == [DESCRIBED[name]["description"], DESCRIBED[name]["config"]["meta"]["question_ja"]]
        if not rows:
            assert lines[3] == "No rows."
            continue
        assert lines[-1] == f"{len(rows):,} row{'' if len(rows) == 1 else 's'}"
        assert all(column in asked.stdout for column in rows[0])
        assert not any("…" in line or "..." in line for line in lines[3:])
        totals = asked.stdout.partition("\ntotal")[2].replace(",", "").split()
        for column in DESCRIBED[name]["config"]["meta"]["adds_up"]:
            total = sum((Decimal(row[column]) for row in rows if row[column]), Decimal(0))
            assert total in {Decimal(text) for text in totals if text.strip("-.0123456789") == ""}, column


def test_questions_that_the_golden_company_answers(home):
    # Its NRR begins in its last month: there is none before from which it could have moved.
    unanswered = ["why_did_nrr_move", "customers_at_risk", "onboarding_overdue"]
    assert [name for name in DESCRIBED if not answered(home, name)] == unanswered


def test_the_customers_that_moved_nrr_add_up_to_what_it_moved_by():
    home = refreshes.demo() / "home"
    ((moved,),) = read(
        home / "published" / "keizoku.duckdb",
        "select now.value - before.value from metrics.metric_values as now inner join metrics.metric_values as before "
        "using (metric_key, segment_type) where metric_key = 'nrr' and segment_type = 'total' "
        "and now.month = '2026-10-01' and before.month = '2026-09-01'",
    )
    assert sum(Decimal(row["nrr_change"]) for row in answered(home, "why_did_nrr_move")) == moved
    asked = keizoku("ask", "why_did_nrr_move", KEIZOKU_HOME=home, COLUMNS="400")
    (total,) = (line for line in asked.stdout.splitlines() if line.startswith("total"))
    assert Decimal(total.split()[-1]) == moved


def test_a_question_that_there_is_not_is_told_with_those_that_there_are(home):
    asked = keizoku("ask", "../seeds/policy", KEIZOKU_HOME=home)
    assert asked.returncode == 2
    assert "no question '../seeds/policy'" in asked.stderr
    assert all(name in asked.stderr for name in DESCRIBED)


def test_nothing_published_is_told_with_the_remedy(tmp_path):
    asked = keizoku("ask", "customers_at_risk", KEIZOKU_HOME=tmp_path)
    assert asked.returncode == 1
    assert (
        f"Nothing is published: there is no {tmp_path}/published/keizoku.duckdb. `make run` publishes" in asked.stderr
    )


def test_a_table_that_the_published_file_does_not_hold_is_named(tmp_path):
    (tmp_path / "published").mkdir()
    with duckdb.connect(str(tmp_path / "published" / "keizoku.duckdb")) as connection:
        connection.execute("create schema marts; create table marts.dim_months as select 1 as month")
        # Not published, whatever its name is.
        connection.execute("create schema staging; create table staging.dim_accounts as select 1 as account_id")
    asked = keizoku("ask", "customers_at_risk", KEIZOKU_HOME=tmp_path)
    assert asked.returncode == 1
    assert "analyses/customers_at_risk.sql reads dim_accounts, which the published file does not hold" in asked.stderr
    asked = keizoku("ask", "figures_proven_twice", KEIZOKU_HOME=tmp_path)
    assert "recomputed_coverage" in asked.stderr
