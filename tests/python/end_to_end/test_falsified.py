"""Small lies in the SQL, all told in one `make run`, which each of them stops, by the name of its column."""

import csv
import shutil
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from builders.refreshes import AS_OF, GOLDEN, PROJECT, make

# A file of the project, what it says, what it is made to say, and the table and column that tell.
LIES = [
    (
        "models/metrics/cohort_retention.sql",
        "exact_ratio('cohorts.retained_customers', 'cohorts.cohort_customers')",
        "exact_ratio('cohorts.cohort_customers', 'cohorts.retained_customers')",
        ("cohort_retention", "logo_retention"),
    ),
    (
        "models/intermediate/usage/int_usage_account_months.sql",
        "cast(count(*) as bigint) as event_count",
        "cast(2 * count(*) as bigint) as event_count",
        ("fct_usage_months", "event_count"),
    ),
    (
        "models/intermediate/revenue/int_churn_reasons.sql",
        "coalesce(stg_subscriptions.cancel_kind, 'unknown')",
        "case stg_subscriptions.cancel_kind when 'voluntary' then 'involuntary' else 'voluntary' end",
        ("fct_account_months", "churn_reason"),
    ),
    (
        "models/intermediate/revenue/int_account_months.sql",
        "cast(moved.closing_list_mrr as",
        "cast(moved.closing_list_mrr + 1 as",
        ("fct_account_months", "closing_list_mrr"),
    ),
    (
        "models/intermediate/success/int_health_component_scores.sql",
        "weight * (score - 50)",
        "weight * (score - 51)",
        ("fct_health_components", "contribution"),
    ),
    (
        "models/intermediate/success/int_onboarding_milestones.sql",
        "and is_due then 1 else 0",
        "and is_due then 1 else 1",
        ("fct_onboardings", "overdue_count"),
    ),
    (
        "models/reconciliation/reported_metric_differences.sql",
        "abs(difference) > absolute_tolerance",
        "abs(difference) < absolute_tolerance",
        ("reported_metric_differences", "is_breach"),
    ),
]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden company, whose customers say why they leave and use the product."""
    folder = tmp_path_factory.mktemp("falsified") / "raw"
    shutil.copytree(GOLDEN / "raw", folder)
    with (folder / "subscriptions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    ended = [row for row in rows if row["ended_at"]]
    assert ended
    for row in ended:
        row["cancel_kind"] = "involuntary"
    with (folder / "subscriptions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    with (folder / "usage_events.csv").open("a", encoding="utf-8") as file:
        file.write("e1,A,,reports,2025-12-20 01:00:00,1\ne2,B,,reports,2025-12-21 01:00:00,1\n")
    (folder / "reported_metrics.csv").write_text(
        "period,metric_key,value,reported_by,reported_at\n2025-11-01,nrr,0.5,finance,2025-12-10 00:00:00\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture(scope="module")
def run(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> CompletedProcess:
    """`make run` on a copy of the project in which every lie is told."""
    folder = tmp_path_factory.mktemp("project")
    copy = folder / "keizoku"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns(".venv*", "data", ".git", "logs", ".*_cache"))
    (copy / ".venv").symlink_to(PROJECT / ".venv")
    for file, true, false, _ in LIES:
        honest = (copy / file).read_text(encoding="utf-8")
        assert true in honest, file
        (copy / file).write_text(honest.replace(true, false), encoding="utf-8")
    run = make("run", project=copy, KEIZOKU_HOME=folder / "home", KEIZOKU_RAW=raw, KEIZOKU_AS_OF=AS_OF)
    assert not (folder / "home" / "published" / "keizoku.duckdb").exists()
    return run


@pytest.mark.parametrize(("table", "column"), [told for *_, told in LIES])
def test_a_small_lie_in_the_sql_stops_a_refresh_by_the_name_of_the_column(
    run: CompletedProcess, table: str, column: str
) -> None:
    assert run.returncode != 0
    assert "SQL and Python disagree:" in run.stderr
    lines = [line for line in run.stderr.splitlines() if f" of {table}: " in line]
    assert any(f"{column}: SQL " in line for line in lines), run.stderr


def test_the_same_company_is_published_by_the_project_as_it_is(raw: Path, tmp_path: Path) -> None:
    run = make("run", KEIZOKU_HOME=tmp_path, KEIZOKU_RAW=raw, KEIZOKU_AS_OF=AS_OF)
    assert run.returncode == 0, run.stderr
