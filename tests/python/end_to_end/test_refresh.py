"""End to end, through the commands of the README: what a run publishes, and what stops it."""

import csv
import hashlib
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy
from builders.refreshes import GOLDEN, PROJECT, copy_of_golden, demo, make, read, settings_of

from orchestration.defs.assets import publication
from orchestration.publication.publish import PublicationError


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The golden fixture as `make run` published it, copied so that tests may touch it."""
    folder = copy_of_golden(tmp_path_factory.mktemp("refresh") / "golden")
    home = folder / "home"
    return {
        "settings": settings_of(folder),
        "output": (folder / "output.txt").read_text(encoding="utf-8"),
        "home": home,
        "raw": folder / "raw",
        "published": home / "published" / "keizoku.duckdb",
    }


def test_make_alone_lists_the_targets_with_a_line_each() -> None:
    listed = make().stdout.splitlines()
    assert {"run", "test", "ui", "lint", "docs", "demo"} <= {line.split()[0] for line in listed}
    assert all(len(line.split()) > 2 for line in listed)


def test_a_run_ends_with_the_headline_figures_in_both_languages_and_the_path_to_open(golden: dict) -> None:
    output = golden["output"]
    assert "Net revenue retention" in output
    assert "売上継続率" in output
    assert "81.43 %" in output
    (path,) = [line.strip() for line in output.splitlines() if line.endswith("published/keizoku.duckdb")]
    assert Path(path).is_file()


def test_a_rate_that_the_last_months_cannot_have_yet_is_shown_for_the_latest_that_have_it() -> None:
    """Onboarding has 90 days: as of 31 October the cohort of July is the latest that has matured."""
    output = (demo() / "output.txt").read_text(encoding="utf-8")
    (line,) = (line for line in output.splitlines() if line.startswith("Onboarding completion rate"))
    assert re.search(r"\d+\.\d\d % \(2026-07\) +\d+\.\d\d % \(2026-06\)$", line), line


def test_every_cell_of_the_golden_metrics_is_published(golden: dict) -> None:
    for expected in csv.DictReader((GOLDEN / "expected_metrics.csv").open(encoding="utf-8")):
        ((numerator, denominator, value),) = read(
            golden["published"],
            "select numerator, denominator, value from metrics.metric_values where segment_type = 'total' "
            f"and metric_key = '{expected['metric_key']}' and month = '{expected['month']}'",
        )
        assert value == Decimal(expected["value"]), expected
        for part, text in ((numerator, expected["numerator"]), (denominator, expected["denominator"])):
            assert part == (Decimal(text) if text else None), expected


def test_every_cell_of_the_golden_months_is_published(golden: dict) -> None:
    amounts = (
        "opening_mrr", "new_mrr", "reactivation_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr", "closing_mrr",
    )  # fmt: skip
    for expected in csv.DictReader((GOLDEN / "expected_months.csv").open(encoding="utf-8")):
        where = f"month = '{expected['month']}' and segment_type = 'total'"
        (row,) = read(golden["published"], f"select {', '.join(amounts)} from metrics.mrr_waterfall where {where}")
        assert list(row) == [Decimal(expected[amount]) for amount in amounts]
        values = {
            key: (numerator, denominator, value)
            for key, numerator, denominator, value in read(
                golden["published"],
                f"select metric_key, numerator, denominator, value from metrics.metric_values where {where}",
            )
        }
        for key in ("nrr_monthly", "grr_monthly", "logo_churn_rate"):
            assert values[key][2] == Decimal(expected[key])
        assert values["logo_churn_rate"][:2] == (
            Decimal(expected["churned_customers"]),
            Decimal(expected["opening_customers"]),
        )


def test_a_run_uses_the_dbt_of_the_environment_that_it_was_started_in(golden: dict) -> None:
    log = (golden["home"] / "build" / "dbt.log").read_text(encoding="utf-8")
    assert f"Running with dbt={version('dbt-core')}" in log


def test_only_tables_of_the_four_published_schemas_are_in_the_file_with_comments_and_keys_kept(golden: dict) -> None:
    path = golden["published"]
    assert {row[0] for row in read(path, "select distinct schema_name from duckdb_tables()")} == {
        "marts", "metrics", "reconciliation", "audit",
    }  # fmt: skip
    assert read(path, "select view_name from duckdb_views() where not internal") == []
    assert read(path, "select table_name from duckdb_tables() where comment is null") == []
    assert (
        read(path, "select table_name, column_name from duckdb_columns() where not internal and comment is null") == []
    )
    assert read(
        path,
        "select count(*) from duckdb_columns() where table_name = 'metric_values' and column_name = 'metric_key' "
        "and not is_nullable",
    ) == [(1,)]


def test_what_belongs_to_one_customer_lies_together(golden: dict) -> None:
    path = golden["published"]
    tables = read(
        path,
        "select schema_name || '.' || table_name, bool_or(column_name = 'month') from duckdb_columns() "
        "where schema_name <> 'audit' and not internal group by all having bool_or(column_name = 'account_id')",
    )
    assert len(tables) > 10
    several = 0
    for table, has_months in tables:
        key = "(account_id, month)" if has_months else "(account_id, account_id)"
        out_of_order = f"select {key} < lag({key}) over (order by rowid) as is_back, account_id from {table}"
        counted = f"select count(*) filter (where is_back), count(distinct account_id) from ({out_of_order})"
        ((back, customers),) = read(path, counted)
        assert back == 0, table
        several += customers > 1
    assert several > 5


def test_sqlalchemy_lists_schemas_tables_columns_types_and_comments(golden: dict) -> None:
    engine = sqlalchemy.create_engine(f"duckdb:///{golden['published']}", connect_args={"read_only": True})
    with engine.connect() as connection:
        inspector = sqlalchemy.inspect(connection)
        assert any(schema.endswith("metrics") for schema in inspector.get_schema_names())
        assert "metric_values" in inspector.get_table_names(schema="metrics")
        columns = {column["name"]: column for column in inspector.get_columns("metric_values", schema="metrics")}
        assert "NUMERIC(38, 10)" in str(columns["value"]["type"]).upper().replace("DECIMAL", "NUMERIC")
        assert columns["month"]["type"].python_type.__name__ == "date"
        assert "12 months" not in (columns["value"]["comment"] or "")
        assert columns["value"]["comment"].startswith("numerator / denominator")
        assert inspector.get_table_comment("metric_values", schema="metrics")["text"].startswith("One row per metric")
    engine.dispose()


def test_a_reader_that_holds_the_file_open_neither_fails_nor_blocks_the_refresh(golden: dict) -> None:
    query = "select build_id from audit.publication"
    reader = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb; c = duckdb.connect({str(golden['published'])!r}, read_only=True); "
            f"print(c.execute({query!r}).fetchone()[0], flush=True); input(); "
            f"print(c.execute({query!r}).fetchone()[0], c.execute('select count(*) from metrics.metric_values')"
            ".fetchone()[0] > 0, flush=True)",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    before = reader.stdout.readline().strip()
    run = make("run", **golden["settings"])
    assert run.returncode == 0, run.stderr
    after, still_reads = reader.communicate("\n", timeout=30)[0].split()
    assert (after, still_reads) == (before, "True")
    assert read(golden["published"], query) != [(before,)]


@pytest.fixture(scope="module")
def copy_of_the_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy whose SQL a test may falsify, with the environment of the original."""
    copy = tmp_path_factory.mktemp("project") / "keizoku"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns(".venv", "data", ".git", "logs", ".*_cache"))
    (copy / ".venv").symlink_to(PROJECT / ".venv")
    return copy


@pytest.mark.parametrize(
    ("metric", "true", "false", "month", "value", "recomputed"),
    [
        (
            "nrr",
            "numerator='closing_mrr'",
            "numerator='closing_mrr + 10000'",
            "2025-12",
            "0.8285714286",
            "0.8142857143",
        ),
        (
            "logo_churn_rate",
            "numerator='lost_customers'",
            "numerator='lost_customers + 1'",
            "2025-03",
            "0.2857142857",
            "0.1428571429",
        ),
        ("arpa", "sample_size='paying_customers'", "sample_size='paying_customers + 1'", "2025-12", "7", "6"),
    ],
)
def test_a_falsified_metric_stops_the_run_by_name_and_leaves_the_published_file_as_it_was(
    golden: dict, copy_of_the_project: Path, metric: str, true: str, false: str, month: str, value: str, recomputed: str
) -> None:
    model = copy_of_the_project / "models" / "metrics" / f"metric_{metric}.sql"
    honest = model.read_text(encoding="utf-8")
    assert true in honest
    model.write_text(honest.replace(true, false), encoding="utf-8")
    before = hashlib.sha256(golden["published"].read_bytes()).hexdigest()
    try:
        run = make("run", project=copy_of_the_project, **golden["settings"])
    finally:
        model.write_text(honest, encoding="utf-8")
    assert run.returncode != 0
    (line,) = [
        line
        for line in run.stderr.splitlines()
        if line.startswith(f"{metric} {month}-01 total total of metric_values: ")
    ]
    assert f"SQL {value}" in line
    assert f"Python {recomputed}" in line
    assert hashlib.sha256(golden["published"].read_bytes()).hexdigest() == before


def test_a_missing_required_table_stops_the_run_with_its_name_and_the_remedy(golden: dict, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(GOLDEN / "raw", raw)
    (raw / "subscriptions.csv").unlink()
    run = make("run", KEIZOKU_HOME=tmp_path / "home", KEIZOKU_RAW=raw, KEIZOKU_AS_OF="2025-12-31")
    assert run.returncode != 0
    assert "subscriptions" in run.stderr
    assert "subscriptions.csv" in run.stderr
    assert not (tmp_path / "home" / "published" / "keizoku.duckdb").exists()


def test_a_currency_without_a_rate_stops_the_run_with_the_currency_and_the_month(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(GOLDEN / "raw", raw)
    versions = raw / "subscription_item_versions.csv"
    text = versions.read_text(encoding="utf-8")
    versions.write_text(
        text.replace("10,10000,,,JPY,2024-12-01 01:00:00,\n", "10,10000,,,USD,2024-12-01 01:00:00,\n", 1),
        encoding="utf-8",
    )
    run = make("run", KEIZOKU_HOME=tmp_path / "home", KEIZOKU_RAW=raw, KEIZOKU_AS_OF="2025-12-31")
    assert run.returncode != 0
    assert "USD" in run.stderr
    assert "2024-12" in run.stderr


@pytest.mark.parametrize(
    ("setting", "value", "remedy"),
    [
        ("KEIZOKU_AS_OF", "31.12.2025", "2026-10-31"),
        ("KEIZOKU_TIMEZONE", "Mars/Olympus", "Asia/Tokyo"),
        ("KEIZOKU_CURRENCY", "YEN", "ISO 4217"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_the_remedy(
    tmp_path: Path, setting: str, value: str, remedy: str
) -> None:
    run = make("run", KEIZOKU_HOME=tmp_path, KEIZOKU_RAW=GOLDEN / "raw", **{setting: value})
    assert run.returncode != 0
    assert setting in run.stderr
    assert remedy in run.stderr


def test_a_raw_file_that_changed_after_it_was_read_stops_the_swap_by_name(
    golden: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in golden["settings"].items():
        monkeypatch.setenv(name, str(value))
    before = golden["published"].read_bytes()
    changed = golden["raw"] / "accounts.csv"
    text = changed.read_bytes()
    changed.write_bytes(text + b"Z,Account Z,,,,JP,JPY,false,2024-01-01 00:00:00\n")
    try:
        with pytest.raises(PublicationError, match=r"accounts\.csv"):
            dg.materialize([publication])
    finally:
        changed.write_bytes(text)
    assert golden["published"].read_bytes() == before
