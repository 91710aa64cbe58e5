"""`make close`, `make reopen`, and what `make run`, `make status` and `make rollback` say of closed months.

The rules of the store are in unit/test_closed_months.py. One home is closed once; the tests work on copies of it.
"""

import os
import shutil
from datetime import date, datetime
from pathlib import Path

import dagster as dg
import duckdb
import openpyxl
import pytest
from builders import crash_points as dying
from builders import refreshes
from builders.refreshes import make, read

from orchestration.closing import close as closing
from orchestration.closing import store as state
from orchestration.definitions import defs
from orchestration.defs import assets
from orchestration.defs import resources as steps
from orchestration.publication import history
from orchestration.publication.publish import PublicationError

SEPTEMBER = date(2025, 9, 1)


@pytest.fixture(scope="module")
def closed_golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden fixture, of which `make close` has closed September."""
    folder = refreshes.copy_of_golden(tmp_path_factory.mktemp("closed-golden") / "golden")
    names = ("BY=Sato Yui", "APPROVED_BY=Tanaka Ken")
    run = make("close", "MONTH=2025-09", *names, **refreshes.settings_of(folder))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2025-09 is closed: build " in run.stdout
    assert "By Sato Yui, approved by Tanaka Ken." in run.stdout
    assert "Published in " in run.stdout
    return folder


@pytest.fixture(scope="module")
def restated(closed_golden: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A copy in which a quantity of September was wrong, which `make run` has published, and what that printed.

    Besides, the files are from 20 October, a survey answer is rejected, and finance reports another NRR and books
    revenue in an account that the seed does not name.
    """
    folder = tmp_path_factory.mktemp("restated") / "golden"
    shutil.copytree(closed_golden, folder, symlinks=True)
    raw = folder / "raw"
    versions = raw / "subscription_item_versions.csv"
    text = versions.read_text(encoding="utf-8")
    versions.write_text(text.replace("A-s1-v0,A-s1-i,A-s1,core,month,1,10,", "A-s1-v0,A-s1-i,A-s1,core,month,1,9,"))
    with (raw / "survey_responses.csv").open("a", encoding="utf-8") as file:
        # One is accepted: a table that loses every row stops the run.
        file.write("r1,nps,A,someone,11,0,10,2025-12-01 00:00:00,,\nr2,nps,A,another,9,0,10,2025-12-01 00:00:00,,\n")
    write(raw / "reported_metrics.csv", "period,metric_key,value,reported_by,reported_at",
          "2025-12-01,nrr,0.9,finance,2025-12-31 09:00:00")  # fmt: skip
    write(raw / "revenue_ledger.csv", "period,ledger_account,currency,amount",
          *(f"2025-{month:02}-01,4200 Abo,JPY,600000" for month in (11, 12)))  # fmt: skip
    delivered = datetime(2025, 10, 20, 12).timestamp()
    for file in raw.iterdir():
        os.utime(file, (delivered, delivered))
    run = make("run", **refreshes.settings_of(folder, KEIZOKU_TIMEZONE="Asia/Tokyo"))
    assert run.returncode == 0, run.stdout + run.stderr
    return folder, run.stdout


def write(file: Path, *lines: str) -> None:
    """Write a raw file."""
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def published(folder: Path) -> Path:
    """The file that readers open."""
    return folder / "home" / "published" / history.FILE


@pytest.fixture
def golden_home(closed_golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the closed home, and its settings."""
    shutil.copytree(closed_golden, tmp_path / "golden", symlinks=True)
    for name in [name for name in os.environ if name.startswith(("KEIZOKU_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    for name, value in refreshes.settings_of(tmp_path / "golden").items():
        monkeypatch.setenv(name, str(value))
    return tmp_path / "golden" / "home"


# What is closed, and shown


def test_make_close_locks_what_is_published_and_readers_see_it_locked(closed_golden: Path) -> None:
    file = published(closed_golden)
    ((action, month, is_in_force, rows, build, by, approved_by, told),) = read(
        file,
        "select action, month, is_in_force, row_count, build_id, made_by, approved_by, data_through_by "
        "from reconciliation.closes",
    )
    assert (action, month, is_in_force) == ("close", SEPTEMBER, True)
    assert (by, approved_by, told) == ("Sato Yui", "Tanaka Ken", "file")
    (first,) = read(published(refreshes.golden()), "select build_id from audit.publication")
    assert (build,) == first
    assert rows > 100
    assert read(
        file,
        "select count(*) > 0, bool_and(month = date '2025-09-01') from metrics.metric_values where is_closed",
    ) == [(True, True)]
    differing = "select * from metrics.metric_values where is_closed and value is distinct from closed_value"
    assert read(file, differing) == []
    assert read(
        file, "select count(*), sum(live_closing_mrr - closing_mrr) from reconciliation.closed_account_months"
    ) == [(6, 0)]
    assert read(file, "from reconciliation.restatements") == []
    copy = file.parent / "state" / "closes"
    store = closed_golden / "home" / "state" / "closes"
    assert [entry.row_hash for entry in state.entries(copy)] == [entry.row_hash for entry in state.entries(store)]


def test_a_correction_of_a_closed_month_is_published_with_its_reason_and_no_locked_figure_moves(
    restated: tuple[Path, str],
) -> None:
    folder, _ = restated
    assert read(
        published(folder),
        "select account_id, month, reason, closed_mrr, live_mrr, difference_mrr from reconciliation.restatements",
    ) == [("A", SEPTEMBER, "correction", 100_000, 90_000, -10_000)]
    assert read(
        published(folder),
        "select closing_mrr, live_closing_mrr from reconciliation.closed_account_months where account_id = 'A'",
    ) == [(100_000, 90_000)]
    (logged,) = (entry for entry in state.entries(folder / "home" / "state" / "closes") if entry.action != "close")
    assert logged.action == "restatements"
    mrr = "from metrics.metric_values where metric_key = 'mrr' and segment_type = 'total' and month = date '2025-09-01'"
    assert read(published(folder), f"select closed_value - value, headline_value - closed_value {mrr}") == [(10_000, 0)]
    status = make("status", **refreshes.settings_of(folder)).stdout
    assert "Closed      2025-09, by Sato Yui, approved by Tanaka Ken" in status
    assert "restated: correction, 1 customer months, MRR -10,000" in status


def test_the_sign_off_sheet_of_a_restated_month_shows_what_was_locked_and_by_whom(restated: tuple[Path, str]) -> None:
    folder, _ = restated
    ((locked, live, build),) = read(
        published(folder),
        "select closed_value, value, (select build_id from reconciliation.closes) from metrics.metric_values "
        "where metric_key = 'mrr' and segment_type = 'total' and month = date '2025-09-01'",
    )
    book = openpyxl.load_workbook(published(folder).parent / "finance" / "keizoku-2025-09.xlsx", data_only=True)
    page = next(page for page in book if page.title.startswith("Sign-off"))
    rows = {row[0]: row[2:4] for row in page.iter_rows(max_col=4, values_only=True)}
    assert rows["MRR"] == (locked, live)
    assert locked == live + 10_000
    assert [rows[name][0] for name in ("Closed by", "Approved by", "Build")] == ["Sato Yui", "Tanaka Ken", build]


def test_after_a_rollback_the_status_says_what_readers_see_and_what_they_do_not(
    restated: tuple[Path, str], tmp_path: Path
) -> None:
    shutil.copytree(restated[0], tmp_path / "golden", symlinks=True)
    settings = refreshes.settings_of(tmp_path / "golden")
    first, *_ = history.kept(tmp_path / "golden" / "home" / "published")
    assert make("rollback", f"TO={first}", **settings).returncode == 0
    status = make("status", **settings).stdout
    assert "Closed      no month" in status
    assert "not shown: 2025-09 was closed " in status
    assert "restated" not in status


# What warns


def test_a_run_tells_its_warnings_with_what_they_found_whom_they_concern_and_where_to_look(
    restated: tuple[Path, str],
) -> None:
    folder, output = restated
    for told in (output, make("status", **refreshes.settings_of(folder)).stdout):
        lines = [line.strip() for line in told.splitlines()]
        for line in (
            "survey_responses: 1 of 2 rows (score_out_of_scale 1)",
            "Net revenue retention of 2025-12: 81.16 % here, 90.00 % reported by finance, difference -8.84 points",
            "subscriptions: 72 days old, 62 allowed",
            "2 months of the ledger are held against nothing",
            "not named: 4200 Abo (2 rows)",
        ):
            assert line in lines, told
        assert "Concerns finance, before that month is closed (経理（その月を締める前に）). Look at " in told
        assert "audit.quarantined_rows" in told
        assert "configured to warn" not in told
    assert "4 checks warn of what is published:" in output


def test_every_check_says_in_both_languages_what_it_means_whom_it_concerns_and_where_to_look(
    closed_golden: Path,
) -> None:
    columns = ("description_en", "description_ja", "concerns_en", "concerns_ja", "look_at")
    rows = read(published(closed_golden), f"select check_name, {', '.join(columns)} from audit.check_results")
    assert len(rows) > 70
    for check_name, *texts in rows:
        assert all(text and text.strip() for text in texts), check_name
        assert any(ord(letter) > 0x3000 for letter in texts[1]), check_name
    # A table to look at is one that is there.
    tables = {f"{schema}.{table}" for schema, table in read(
        published(closed_golden), "select schema_name, table_name from duckdb_tables()")}  # fmt: skip
    for check_name, *_, look_at in rows:
        if check_name.startswith("assert_"):
            assert look_at.split(",")[0] in tables, check_name


# What is refused, and opened again


def test_what_is_refused_changes_nothing_and_says_what_to_do(restated: tuple[Path, str]) -> None:
    folder, _ = restated
    settings = refreshes.settings_of(folder)
    closes = folder / "home" / "state" / "closes"
    before = sorted(entry.name for entry in closes.iterdir())
    for arguments, told in (
        (("close", "MONTH=2025-09"), "Nothing was closed. 2025-09 is closed already: by Sato Yui, "),
        (("close", "MONTH=2025-08"), "2025-08 lies before 2025-09, with which closing began, and stays open."),
        (("close", "MONTH=2025-11"), "2025-10 has to be closed before 2025-11. Closed: 2025-09."),
        (("close", "MONTH=2025-10"), "The data is not through 2025-10-31: subscriptions and subscription_item_versions "
            "are only through 2025-10-19, by the times of their files."),
        (("close", "MONTH=2025-10", "DATA_THROUGH=2025-10-30"), "DATA_THROUGH=2025-10-30 is before the end of 2025-10"),
        (("close", "MONTH=2025-10", "DATA_THROUGH=soon"), "DATA_THROUGH='soon' is not a day"),
        (("close", "MONTH=October"), "write it as MONTH=2026-10"),
        (("reopen", "MONTH=2025-09"), 'Why? Write it as REASON="…"'),
        (("reopen", "MONTH=2025-08", "REASON=x"), "2025-08 is not closed. Closed: 2025-09."),
    ):  # fmt: skip
        run = make(*arguments, **settings)
        assert run.returncode != 0, arguments
        assert told in run.stderr, run.stderr
    assert sorted(entry.name for entry in closes.iterdir()) == before


def test_where_closing_began_with_the_wrong_month_it_begins_anew_and_all_of_it_is_on_record(
    restated: tuple[Path, str], tmp_path: Path
) -> None:
    shutil.copytree(restated[0], tmp_path / "golden", symlinks=True)
    settings = refreshes.settings_of(tmp_path / "golden")
    opened = make("reopen", "MONTH=2025-09", "REASON=We begin with August", "BY=Sato Yui", **settings)
    assert opened.returncode == 0, opened.stderr
    # By somebody's word, whatever the times of the files say.
    closed = make("close", "MONTH=2025-08", "DATA_THROUGH=2025-11-03", "APPROVED_BY=Tanaka Ken", **settings)
    assert closed.returncode == 0, closed.stderr
    assert read(
        published(tmp_path / "golden"),
        "select action, month, reason, is_in_force, approved_by, data_through, data_through_by "
        "from reconciliation.closes where action <> 'restatements' order by entry_number",
    )[1:] == [
        ("reopen", SEPTEMBER, "We begin with August", False, None, None, None),
        ("close", date(2025, 8, 1), None, True, "Tanaka Ken", date(2025, 11, 3), "stated"),
    ]
    assert "Closed      2025-08, by " in make("status", **settings).stdout


def test_the_jobs_close_and_reopen_refuse_with_the_same_words(golden_home: Path) -> None:
    for job, op, config, told in (
        ("close", "lock_and_publish", {"month": "2025-12"}, "2025-10 has to be closed before 2025-12"),
        ("close", "lock_and_publish", {"month": "2025-10", "data_through": "2025-10-01"}, "DATA_THROUGH=2025-10-01 is"),
        ("reopen", "open_and_publish", {"month": "2025-08", "reason": "x"}, "2025-08 is not closed. Closed: 2025-09."),
    ):
        result = defs.resolve_job_def(job).execute_in_process(
            run_config={"ops": {op: {"config": config}}}, raise_on_error=False
        )
        assert not result.success
        assert told in "".join(str(event) for event in result.all_events)


def test_a_run_stops_when_the_store_was_touched_and_the_status_names_the_month(golden_home: Path) -> None:
    file = golden_home / "state" / "closes" / "00001-close-2025-09" / "account_months.parquet"
    before = (golden_home / "published" / history.FILE).read_bytes()
    file.chmod(0o644)
    rows = duckdb.sql(f"select * replace (closing_mrr + 1 as closing_mrr) from read_parquet('{file}')").to_arrow_table()
    assert rows.num_rows
    duckdb.sql(f"copy rows to '{file}' (format parquet)")
    run = make("run", **refreshes.settings_of(golden_home.parent))
    assert run.returncode != 0
    assert "closed month 2025-09 was touched: " in run.stderr
    assert "account_months.parquet" in run.stderr
    assert (golden_home / "published" / history.FILE).read_bytes() == before
    status = make("status", **refreshes.settings_of(golden_home.parent))
    assert "The closed month 2025-09 was touched" in status.stdout


def test_a_month_closed_while_a_build_was_made_stops_its_publication(golden_home: Path) -> None:
    """The lock lets nobody do so; a step that Dagster runs again much later could meet it."""
    closing.close_month(golden_home, date(2025, 10, 1), closing.signature())
    with pytest.raises(PublicationError, match="Months were closed or reopened since this build began"):
        dg.materialize([assets.publication], resources={"writer": steps.Writer()})


# Killed while closing

CLOSE_OR_REOPEN = """
import sys
from datetime import date
from pathlib import Path
from builders import crash_points as dying
from orchestration.closing import close as closing
from orchestration.publication import history
from orchestration.closing import store as state

SIGNED = closing.Signature("Sato", None, "sato")
pristine, scratch, action, month = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], date.fromisoformat(sys.argv[4])
history.sync = lambda path: None  # what a kill cannot undo

def act(home):
    closing.close_month(home, month, SIGNED) if action == "close" else closing.reopen_month(home, month, "why", SIGNED)

def look(home):
    # Has it happened, and does a second process do it that finds it not done?
    is_closed = month in state.in_force(state.verify(home), date.max)
    done = is_closed == (action == "close")
    if not done:
        act(home)
    assert (month in state.in_force(state.verify(home), date.max)) == (action == "close")
    left = [entry.name for entry in (home / "state" / "closes").iterdir() if entry.name.startswith(".")]
    assert done or not left, left
    return done

dying.end_at_each_step(pristine, scratch, act, look)
"""


@pytest.mark.parametrize(("action", "month"), [("close", "2025-10-01"), ("reopen", "2025-09-01")])
def test_a_close_ended_at_each_of_its_steps_has_happened_or_has_not_and_needs_no_hand(
    closed_golden: Path, tmp_path: Path, action: str, month: str
) -> None:
    for kept in ("state", "published"):
        shutil.copytree(closed_golden / "home" / kept, tmp_path / "home" / kept, symlinks=True)
    seen = dying.ended_at_each_step(CLOSE_OR_REOPEN, tmp_path / "home", tmp_path / "scratch", action, month)
    # Open up to one of the steps, closed from it on.
    assert len(seen) >= 4
    assert seen == [False] * seen.count(False) + [True] * seen.count(True)
    assert 2 < seen.count(False) < len(seen)
