"""Unattended operation: one writer, one clear cause, a way back, and nobody who sees half of anything."""

import json
import logging
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from builders import refreshes
from builders.processes import HOLD_THE_LOCK, another_process, webhook
from builders.refreshes import AS_OF, PROJECT, SECRET, make, publish_small, read

from orchestration import definitions
from orchestration.cli import run as refresh
from orchestration.cli import services
from orchestration.definitions import defs
from orchestration.defs import assets, automation
from orchestration.defs import resources as steps
from orchestration.defs.warehouse import warehouse
from orchestration.landing.landing import LandingError
from orchestration.operations import failures, lock
from orchestration.publication import history
from orchestration.publication.publish import PublicationError
from orchestration.settings import read_settings, save_settings
from orchestration.warehouse import build_folder as build
from orchestration.warehouse.manifest import refreshed


def use(monkeypatch: pytest.MonkeyPatch, **settings: object) -> None:
    """Run what follows under these settings of the project and no others."""
    for name in [name for name in os.environ if name.startswith(("KEIZOKU_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))


# One writer


def test_a_second_refresh_waits_for_a_bounded_time_and_leaves_with_the_name_of_the_first(tmp_path: Path) -> None:
    with another_process(HOLD_THE_LOCK, tmp_path / "home") as first:
        started = time.monotonic()
        second = make("run", KEIZOKU_LOCK_WAIT=1, **refreshes.settings_of(tmp_path))
        assert 1 <= time.monotonic() - started < 60
        status = make("status", KEIZOKU_HOME=tmp_path / "home")
    assert second.returncode != 0
    assert "waiting up to 1 s" in second.stderr
    assert f"Another refresh (process {first.pid}, build id 20260101T000000-abcdef, since " in second.stderr
    assert "was not done in time. Run again when it is" in second.stderr
    assert f"running: refresh (process {first.pid}, " in status.stdout
    assert not (tmp_path / "home" / "build").exists()


def test_a_rollback_waits_for_the_writer_too(tmp_path: Path) -> None:
    with another_process(HOLD_THE_LOCK, tmp_path):
        rollback = make("rollback", KEIZOKU_LOCK_WAIT=0, KEIZOKU_HOME=tmp_path)
    assert rollback.returncode != 0
    assert "Nothing was rolled back. Another refresh (process" in rollback.stderr


def test_a_run_that_dagster_starts_takes_the_lock_from_its_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, KEIZOKU_LOCK_WAIT=0, **refreshes.settings_of(tmp_path))
    job = defs.resolve_job_def("refresh")
    with another_process(HOLD_THE_LOCK, tmp_path / "home"):
        result = job.execute_in_process(raise_on_error=False)
    assert not result.success
    assert "Another refresh (process" in "".join(str(event) for event in result.all_events)
    assert not (tmp_path / "home" / "build").exists()


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, KEIZOKU_LOCK_WAIT=0)
    with another_process(HOLD_THE_LOCK, tmp_path) as first:
        assert lock.holder(tmp_path)["process"] == first.pid
        with pytest.raises(lock.LockedError), lock.writing(tmp_path, "refresh"):
            pass
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert lock.holder(tmp_path) is None
        with lock.writing(tmp_path, "refresh"):
            assert lock.holder(tmp_path)["process"] == os.getpid()


START_DBT = """
from orchestration.settings import saved_settings
from orchestration.warehouse import dbt
print("started", flush=True)
dbt.build(saved_settings())
"""


def test_the_dbt_of_a_killed_run_ends_by_itself_and_the_next_run_waits_for_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = refreshes.copy_of_golden(tmp_path / "golden")
    use(monkeypatch, KEIZOKU_LOCK_WAIT=0)
    home = folder / "home"
    with another_process(START_DBT, **refreshes.settings_of(folder)) as run:
        log = home / "build" / "dbt.log"
        log.unlink(missing_ok=True)
        while not (log.exists() and " START " in log.read_text(encoding="utf-8")):
            assert run.poll() is None
            time.sleep(0.1)
        (dbt,) = map(int, Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split())
        os.kill(dbt, signal.SIGSTOP)
        run.kill()
        run.wait()
        with pytest.raises(lock.LockedError), lock.writing(home, "refresh"):
            pass
        monkeypatch.setenv("KEIZOKU_LOCK_WAIT", "5")
        os.kill(dbt, signal.SIGCONT)
        with lock.writing(home, "refresh"):
            assert not Path(f"/proc/{dbt}/fd/0").exists()
    assert not (home / "build" / "dbt_results.json").exists()


def test_a_dbt_that_starts_when_its_run_is_dead_already_does_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "orchestration.warehouse.dbt_process", tmp_path / "results.json", "--version"]
    dbt = subprocess.run(command, cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (dbt.returncode, dbt.stdout) == (-signal.SIGKILL, b"")


def test_a_run_without_failure_that_published_nothing_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster calls a run successful whose last step was skipped, for want of what it needs."""
    folder = refreshes.copy_of_golden(tmp_path / "golden")
    use(monkeypatch, DAGSTER_HOME=folder / "home" / "dagster", **refreshes.settings_of(folder))

    @dg.job(name="refresh")
    def nothing() -> None:
        pass

    monkeypatch.setattr(definitions, "defs", dg.Definitions(jobs=[nothing]))
    save_settings(read_settings())
    (cause,) = refresh._run_job(read_settings())
    assert "failed without a step" in cause


# What comes in half


def test_a_half_written_raw_file_stops_the_run_by_name_and_tells_the_webhook_once(tmp_path: Path) -> None:
    shutil.copytree(refreshes.GOLDEN / "raw", tmp_path / "raw")
    accounts = tmp_path / "raw" / "accounts"
    duckdb.sql(f"copy (from read_csv('{accounts}.csv', all_varchar = true)) to '{accounts}.parquet'")
    accounts.with_suffix(".csv").unlink()
    whole = accounts.with_suffix(".parquet").read_bytes()
    accounts.with_suffix(".parquet").write_bytes(whole[: len(whole) // 2])
    published = publish_small(tmp_path / "home", "20260101T000000-aaaaaa", tmp_path)
    with webhook() as (url, alerts):
        run = make("run", KEIZOKU_WEBHOOK_URL=url, **refreshes.settings_of(tmp_path))
    assert run.returncode != 0
    assert "accounts.parquet" in run.stderr
    assert refreshes.build_ids(published) == {"20260101T000000-aaaaaa"}
    (alert,) = alerts
    assert alert["event"] == "run_failed"
    assert "accounts.parquet" in alert["message"]
    assert alert["text"].startswith("Keizoku: the run failed.")
    assert alert["home"] == str(tmp_path / "home")
    assert SECRET not in run.stdout + run.stderr
    assert files_with(SECRET, tmp_path) == []
    status = make("status", KEIZOKU_HOME=tmp_path / "home")
    assert status.returncode == 0
    assert "the last run failed" in status.stdout
    assert "accounts.parquet" in status.stdout


def test_a_raw_file_that_vanishes_between_two_steps_is_the_cause_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(refreshes.GOLDEN / "raw", tmp_path / "raw")
    use(monkeypatch, **refreshes.settings_of(tmp_path))
    assert materialize(assets.raw).success
    (tmp_path / "raw" / "usage_events.csv").unlink()
    with pytest.raises(
        PublicationError, match=r"changed while the run read them: usage_events\.csv vanished\. Run again"
    ):
        materialize(assets.recomputed)


def test_a_step_of_a_build_that_was_never_landed_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, **refreshes.settings_of(tmp_path))
    with pytest.raises(Exception, match="Run the whole refresh"):
        materialize(assets.recomputed)
    (tmp_path / "home" / "build").mkdir(parents=True)
    (tmp_path / "home" / "build" / "run.json").write_text('{"raw": "/tm', encoding="utf-8")
    with pytest.raises(Exception, match="Run the whole refresh"):
        materialize(assets.publication)


def test_a_build_whose_dbt_did_not_run_to_its_end_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = refreshes.copy_of_golden(tmp_path / "golden")
    use(monkeypatch, **refreshes.settings_of(folder))
    results = folder / "home" / "build" / "results.json"
    whole = json.loads(results.read_text(encoding="utf-8"))
    (lost,) = [node for node in whole if node.endswith(".metric_nrr")]
    for broken, message in (
        (
            {node: result for node, result in whole.items() if node != lost},
            "Not every model and check has run.*metric_nrr",
        ),
        (whole | {lost: whole[lost] | {"status": "error"}}, "Models or checks failed in this build: metric_nrr"),
    ):
        results.write_text(json.dumps(broken), encoding="utf-8")
        with pytest.raises(PublicationError, match=message):
            materialize(assets.publication)


def materialize(step: dg.AssetsDefinition, *selected: str) -> dg.ExecuteInProcessResult:
    selection = [dg.AssetKey(key.split("/")) for key in selected] or None
    return dg.materialize([step], resources={"writer": steps.Writer()}, selection=selection)


def test_a_raw_table_and_a_model_can_be_refreshed_alone_and_what_is_built_from_them_is_not_published_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path
    shutil.copytree(refreshes.GOLDEN / "raw", folder / "raw")
    use(monkeypatch, **refreshes.settings_of(folder))
    build_file = folder / "home" / "build" / "keizoku.duckdb"
    assert materialize(assets.raw).success
    for table, true, false in (("accounts", "Account A", "Renamed"), ("subscriptions", "A-s1", "A-s9")):
        file = folder / "raw" / f"{table}.csv"
        file.write_text(file.read_text(encoding="utf-8").replace(true, false), encoding="utf-8")
    with pytest.raises(PublicationError, match=r"accounts\.csv changed"):
        materialize(assets.publication)
    result = materialize(assets.raw, "raw/accounts", "raw/subscriptions")
    assert [event.asset_key.path[-1] for event in result.get_asset_materialization_events()] == [
        "accounts", "subscriptions",
    ]  # fmt: skip
    assert read(build_file, "select count(*) from raw.accounts where account_name = 'Renamed'") == [(1,)]
    with pytest.raises(PublicationError, match="Not every model and check has run in this build"):
        materialize(assets.publication)
    before = read(build_file, "select count(*) from raw.usage_events")
    result = materialize(warehouse, "seeds")
    assert [event.asset_key.path for event in result.get_asset_materialization_events()] == [["seeds"]]
    assert set(json.loads((folder / "home" / "build" / "results.json").read_text())) < set(refreshed())
    assert read(build_file, "select count(*) from raw.usage_events") == before


def test_a_build_that_was_published_can_be_published_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = refreshes.copy_of_golden(tmp_path / "golden")
    use(monkeypatch, **refreshes.settings_of(folder))
    published = folder / "home" / "published"
    assert materialize(assets.publication).success
    assert history.kept(published)[-1] == history.kept(published)[-2] + ".2"
    query = "select step from audit.run_steps order by step"
    assert read(published / "keizoku.duckdb", query) == [("dbt",), ("publication",), ("raw",), ("recomputed",)]


# What passes by itself


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [
        (OSError(16, "Device or resource busy"), 3),
        (duckdb.IOException("IO Error: Could not set lock on file /x: Conflicting lock is held"), 3),
        (OSError(28, "No space left on device"), 1),
        (LandingError("accounts.csv, line 3: not UTF-8."), 1),
    ],
)
def test_a_step_is_tried_again_for_a_fault_that_passes_by_itself_and_for_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, attempts: int
) -> None:
    use(monkeypatch, **refreshes.settings_of(tmp_path, KEIZOKU_RAW=refreshes.GOLDEN / "raw"))
    monkeypatch.setattr(steps, "FIRST_WAIT_SECONDS", 0.01)
    made, land = [], assets.land

    def faulty(*arguments: object) -> object:
        made.append(time.monotonic())
        if len(made) < 3:
            raise fault
        return land(*arguments)

    monkeypatch.setattr(assets, "land", faulty)
    result = dg.materialize([assets.raw], resources={"writer": steps.Writer()}, raise_on_error=False)
    assert (len(made), result.success) == (attempts, attempts == 3)


def test_the_wait_before_each_further_try_doubles_and_the_third_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = OSError(16, "Device or resource busy")
    for retry, wait in ((0, 2), (1, 4), (2, 8)):
        with pytest.raises(dg.RetryRequested) as request:
            steps.try_again_later(dg_context(retry), busy)
        assert request.value.seconds_to_wait == wait
    steps.try_again_later(dg_context(3), busy)


def dg_context(retry_number: int) -> dg.AssetExecutionContext:
    class Context:
        pass

    Context.retry_number = retry_number
    return Context()


def test_a_run_that_takes_too_long_is_ended_and_says_so(tmp_path: Path) -> None:
    shutil.copytree(refreshes.GOLDEN / "raw", tmp_path / "raw")
    run = make("run", KEIZOKU_TIMEOUT=1, **refreshes.settings_of(tmp_path))
    assert run.returncode != 0
    assert "Nothing was published. The run took longer than KEIZOKU_TIMEOUT=1 seconds." in run.stderr
    assert lock.holder(tmp_path / "home") is None


@pytest.mark.parametrize("name", ["KEIZOKU_KEEP", "KEIZOKU_TIMEOUT", "KEIZOKU_LOCK_WAIT"])
def test_a_number_that_cannot_be_used_is_named_before_anything_runs(tmp_path: Path, name: str) -> None:
    run = make("run", **refreshes.settings_of(tmp_path), **{name: "-1"})
    assert run.returncode != 0
    assert f"{name}='-1' cannot be used; write a number from" in run.stderr
    assert not (tmp_path / "home" / "published").exists()


# Publications, their history, and the way back

A, B, C = (f"2026010{day}T000000-aaaaa{day}" for day in (1, 2, 3))


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A home with three publications, each with a dashboard beside its file."""

    def dashboard(folder: Path) -> None:
        (folder / "dashboard").mkdir()
        (folder / "dashboard" / "index.html").write_text(folder.name, encoding="utf-8")

    for build_id in (A, B, C):
        publish_small(tmp_path / "home", build_id, tmp_path, outputs=[dashboard], as_of_date=AS_OF)
    return tmp_path / "home"


def published_build(home: Path) -> str:
    """The one build that every output of a home is from."""
    (build_id,) = refreshes.build_ids(home / "published" / "keizoku.duckdb")
    dashboard = (home / "published" / "dashboard" / "index.html").read_text(encoding="utf-8")
    assert build_id in dashboard
    return build_id


def test_a_rollback_switches_the_file_and_the_dashboard_to_the_one_before_and_records_it(three: Path) -> None:
    assert published_build(three) == C
    rollback = make("rollback", KEIZOKU_HOME=three)
    assert rollback.returncode == 0, rollback.stderr
    assert published_build(three) == B
    actions = [(entry["action"], entry["publication"]) for entry in history.records(three / "published")]
    assert actions == [("published", A), ("published", B), ("published", C), ("rolled back", B)]
    assert history.records(three / "published")[-1]["instead_of"] == C
    status = make("status", KEIZOKU_HOME=three)
    assert re.search(rf"rolled back +{B} +as of {AS_OF} +published", status.stdout)
    assert re.search(rf"published +{C} +as of {AS_OF} +kept", status.stdout)


def test_a_rollback_goes_one_further_back_each_time_or_to_the_build_that_is_named(three: Path) -> None:
    assert [history.roll_back(three), history.roll_back(three)] == [B, A]
    with pytest.raises(history.HistoryError, match=f"from before {A}"):
        history.roll_back(three)
    assert make("rollback", f"TO={C}", KEIZOKU_HOME=three).returncode == 0
    assert published_build(three) == C


@pytest.mark.parametrize("to", ["20200101T000000-nobody", "../../..", f"../history/{A}", "", C])
def test_a_rollback_to_anything_but_another_kept_build_is_refused_with_the_list(three: Path, to: str) -> None:
    with pytest.raises(history.HistoryError, match=C):
        history.roll_back(three, to)
    assert published_build(three) == C


def test_a_rollback_to_a_file_that_cannot_be_read_is_refused(three: Path) -> None:
    broken = three / "published" / "history" / A / "keizoku.duckdb"
    broken.chmod(0o644)
    broken.write_bytes(b"no database")
    with pytest.raises(history.HistoryError, match="cannot be read"):
        history.roll_back(three, A)
    assert published_build(three) == C


def test_the_last_publications_are_kept_with_their_audit_rows_and_the_older_ones_go(tmp_path: Path) -> None:
    home = tmp_path / "home"
    builds = [f"202601{day:02}T000000-aaaaaa" for day in range(1, 6)]
    for build_id in builds[:4]:
        publish_small(home, build_id, tmp_path, keep=3)
    assert history.kept(home / "published") == builds[1:4]
    history.roll_back(home, builds[1])
    publish_small(home, builds[4], tmp_path, keep=3)
    assert history.kept(home / "published") == builds[2:]
    for build_id in builds[2:]:
        kept = home / "published" / "history" / build_id / "keizoku.duckdb"
        assert read(kept, "select distinct build_id from audit.run_steps") == [(build_id,)]


def test_a_build_that_is_published_again_is_another_publication(tmp_path: Path) -> None:
    for _ in range(2):
        publish_small(tmp_path / "home", A, tmp_path)
    assert history.kept(tmp_path / "home" / "published") == [A, f"{A}.2"]
    assert history.current(tmp_path / "home" / "published") == f"{A}.2"


def test_a_file_published_before_there_was_a_history_is_replaced_in_one_step(tmp_path: Path) -> None:
    old = refreshes.small_build(tmp_path / "home" / "published" / "keizoku.duckdb", A)
    publish_small(tmp_path / "home", B, tmp_path)
    assert old.is_symlink()
    assert refreshes.build_ids(old) == {B}


def test_what_is_published_can_be_read_by_all_and_written_by_none_and_the_build_is_private() -> None:
    home = refreshes.golden() / "home"
    for entry in (home / "published").rglob("*"):
        if not entry.is_symlink():
            assert stat.S_IMODE(entry.stat().st_mode) == (0o755 if entry.is_dir() else 0o444), entry
    assert stat.S_IMODE((home / "build").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "dagster").stat().st_mode) == 0o700


def test_the_web_server_listens_on_loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"^ui:.*\n\t(.+)\n", makefile, re.MULTILINE)
    assert recipe == "@exec $(BIN)/keizoku ui"
    assert "dagster-webserver" not in makefile
    started: list[list[str]] = []
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    monkeypatch.setattr(services.run, "main", lambda _: 0)
    monkeypatch.setattr(services.os, "execv", lambda file, command: started.append([str(file), *command[1:]]))
    services.ui([])
    ((file, *arguments),) = started
    assert Path(file).name == "dagster-webserver"
    assert arguments.count("--host") == 1
    assert arguments[arguments.index("--host") + 1] == "127.0.0.1"
    assert not [argument for argument in arguments if argument.startswith(("-h", "--host="))]


def test_status_tells_what_is_published_from_which_rows_with_which_checks_and_how_long_it_took() -> None:
    home = refreshes.golden() / "home"
    status = make("status", KEIZOKU_HOME=home)
    assert status.returncode == 0, status.stderr
    (build_id,) = refreshes.build_ids(home / "published" / "keizoku.duckdb")
    assert f"build {build_id}" in status.stdout
    assert "as of 2025-12-31 (JPY, Asia/Tokyo)" in status.stdout
    assert re.search(r"Checks +\d+ passed, \d+ warned", status.stdout)
    for step in ("raw", "recomputed", "dbt", "publication"):
        assert re.search(rf"{step} +\d+\.\d s", status.stdout), step
    assert re.search(r"published +" + build_id, status.stdout)
    assert "nothing is running" in status.stdout


def test_status_lists_the_rows_and_the_newest_day_of_each_raw_table() -> None:
    status = make("status", KEIZOKU_HOME=refreshes.golden() / "home").stdout
    assert re.search(r"table +read +accepted +rejected +deleted +duplicate +data through", status)
    assert re.search(r"subscriptions +\d+ +\d+ +0 +0 +0 +\d{4}-\d\d-\d\d", status)


def test_status_says_when_nothing_is_published_and_when_the_last_run_was_cut_off(tmp_path: Path) -> None:
    status = make("status", KEIZOKU_HOME=tmp_path)
    assert status.returncode != 0
    assert "Nothing is published" in status.stdout
    publish_small(tmp_path, A, tmp_path)
    (tmp_path / "build").mkdir()
    run = {
        "raw": "/raw",
        "home": str(tmp_path),
        "as_of_date": AS_OF,
        "time_zone": "UTC",
        "currency": "JPY",
        "build_id": B,
    }
    (tmp_path / "build" / "run.json").write_text(json.dumps(run), encoding="utf-8")
    status = make("status", KEIZOKU_HOME=tmp_path)
    assert status.returncode == 0
    assert f"the last run, build {B}, ended before it was done" in status.stdout


def test_the_steps_of_a_run_and_their_times_are_published_with_it() -> None:
    published = refreshes.golden() / "home" / "published" / "keizoku.duckdb"
    rows = read(published, "select step, seconds > 0, build_id from audit.run_steps order by started_at")
    ((build_id,),) = read(published, "select build_id from audit.publication")
    assert rows == [(step, True, build_id) for step in ("raw", "recomputed", "dbt", "publication")]


def test_what_dead_runs_left_is_gone_when_the_next_one_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, KEIZOKU_HOME=tmp_path / "home", KEIZOKU_RAW=tmp_path / "raw")
    settings = read_settings()
    publish_small(settings.home, A, tmp_path)
    kept = settings.home / "published"
    left = [
        settings.build_file, settings.build / "keizoku.duckdb.wal", settings.dbt_target / "run_results.json",
        settings.build / "results.json",
        settings.build / "recomputed" / "metric_values.parquet",
        kept / ".keizoku-20250101T000000-dead.duckdb", kept / ".current.new",
        kept / "history" / f".{B}.unfinished" / "keizoku.duckdb",
        tmp_path / ".raw.unfinished" / "accounts.parquet",
    ]  # fmt: skip
    stays = [
        settings.dbt_target / "partial_parse.msgpack",
        settings.build / "refresh.log",
        tmp_path / "raw" / "accounts.csv",
    ]
    for file in [*left, *stays]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x", encoding="utf-8")
    yesterday = time.time() - 24 * 3600
    for entry in (left[-1], left[-1].parent):
        os.utime(entry, (yesterday, yesterday))
    build.clean(settings)
    assert [file for file in left if file.exists()] == []
    assert [file for file in stays if not file.exists()] == []
    assert refreshes.build_ids(settings.published_file) == {A}


def test_a_demo_that_is_just_being_made_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, KEIZOKU_HOME=tmp_path / "home", KEIZOKU_RAW=tmp_path / "raw")
    (tmp_path / "raw").mkdir()
    (tmp_path / ".raw.unfinished").mkdir()
    build.clean(read_settings())
    assert (tmp_path / ".raw.unfinished").exists()


# Alerts


def files_with(text: str, folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


def test_the_address_of_the_webhook_is_in_no_file_of_a_run() -> None:
    assert files_with(SECRET, refreshes.golden()) == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (f"http://127.0.0.1:9/{SECRET}", "could not be told"),
        (f"file:///{SECRET}", "could not be told"),
        (f"{SECRET}://[half", "could not be told"),
        (f"http://127.0.0.1:9/ {SECRET}\n", "could not be told"),
        (500, "answered 500"),
        (302, "answered 302"),
    ],
)
def test_a_webhook_that_fails_is_mentioned_without_its_address_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, url: str | int, told: str
) -> None:
    logging.getLogger("keizoku").propagate = True
    with webhook(url if isinstance(url, int) else 200) as (address, posted):
        use(monkeypatch, KEIZOKU_WEBHOOK_URL=address if isinstance(url, int) else url)
        failures.report(tmp_path, "the cause", build_id=A)
    assert told in caplog.text
    assert SECRET not in caplog.text
    assert len(posted) == isinstance(url, int)
    assert failures.last(tmp_path)["message"] == "the cause"


def test_checks_that_warn_on_a_publication_are_told_with_what_they_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with webhook() as (url, posted):
        use(monkeypatch, KEIZOKU_WEBHOOK_URL=url, KEIZOKU_HOME=tmp_path, KEIZOKU_AS_OF=AS_OF)
        settings = read_settings()
        failures.warn(settings, [])
        failures.warn(settings, [("assert_usage_is_fresh", "warn", "usage_events is 9 days old")])
    (alert,) = posted
    assert alert["event"] == "checks_warned"
    assert alert["checks"] == [
        {"name": "assert_usage_is_fresh", "status": "warn", "message": "usage_events is 9 days old"}
    ]
    assert (alert["build_id"], alert["as_of_date"]) == (settings.build_id, AS_OF)


def test_a_failed_run_of_dagster_s_own_is_told_with_its_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @dg.op
    def fails() -> None:
        raise PublicationError("accounts.csv vanished.")

    @dg.job(name="refresh")
    def job() -> None:
        fails()

    instance = dg.DagsterInstance.ephemeral()
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    with webhook() as (url, posted):
        use(monkeypatch, KEIZOKU_WEBHOOK_URL=url, KEIZOKU_HOME=tmp_path)
        context = dg.build_run_status_sensor_context(
            sensor_name="failed_runs", dagster_instance=instance, dagster_run=result.dagster_run,
            dagster_event=result.get_run_failure_event(),
        ).for_run_failure()  # fmt: skip
        automation.failed_runs(context)
    (alert,) = posted
    assert alert["message"] == "accounts.csv vanished."


# What starts by itself


def look(instance: dg.DagsterInstance, cursor: str | None) -> tuple[object, str | None]:
    """One evaluation of the sensor: what it answers, and its cursor after it."""
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    return automation.raw_files(context), context.cursor


def test_new_raw_files_start_one_refresh_when_they_have_stopped_changing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, **refreshes.settings_of(tmp_path))
    instance = dg.DagsterInstance.ephemeral()
    assert "No raw files" in look(instance, None)[0].skip_message
    shutil.copytree(refreshes.GOLDEN / "raw", tmp_path / "raw")
    subscriptions = tmp_path / "raw" / "subscriptions.csv"
    whole = subscriptions.read_bytes()
    subscriptions.unlink()
    answer, cursor = look(instance, None)
    assert "Not complete: subscriptions: the required table is missing" in answer.skip_message
    subscriptions.write_bytes(whole[:50])
    answer, cursor = look(instance, cursor)
    assert "may still be arriving" in answer.skip_message
    subscriptions.write_bytes(whole)
    answer, cursor = look(instance, cursor)
    assert "may still be arriving" in answer.skip_message
    first, cursor = look(instance, cursor)
    assert isinstance(first, dg.RunRequest)
    again, cursor = look(instance, cursor)
    assert again.run_key == first.run_key  # of which Dagster starts one run, ever
    publish_small(tmp_path / "home", A, tmp_path, raw=first.run_key)
    assert "was made from these files" in look(instance, cursor)[0].skip_message
    subscriptions.write_bytes(whole + b"\n")
    answer, cursor = look(instance, cursor)
    assert "may still be arriving" in answer.skip_message
    assert look(instance, cursor)[0].run_key != first.run_key


def test_the_files_that_a_run_landed_are_those_that_the_sensor_saw() -> None:
    folder = refreshes.golden()
    seen = automation.fingerprints(folder / "raw", automation.load_contract())
    assert history.records(folder / "home" / "published")[-1]["raw"] == assets.fingerprint(seen)


def test_the_daily_refresh_starts_at_six_in_the_reporting_time_zone_with_a_time_limit() -> None:
    assert (automation.daily.cron_schedule, automation.daily.execution_timezone) == ("0 6 * * *", "Asia/Tokyo")
    for name in ("refresh", "backfill"):
        assert int(defs.resolve_job_def(name).tags["dagster/max_runtime"]) == 4 * 3600


def test_a_backfill_computes_a_past_day_beside_what_is_published_and_leaves_that_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = refreshes.copy_of_golden(tmp_path / "golden")
    use(monkeypatch, **refreshes.settings_of(folder))
    published = folder / "home" / "published"
    before = {entry: entry.read_bytes() for entry in published.rglob("*") if entry.is_file()}
    result = defs.resolve_job_def("backfill").execute_in_process(
        run_config={"ops": {"compute_as_of": {"config": {"as_of_date": "2025-06-30"}}}}
    )
    assert result.success
    assert {entry: entry.read_bytes() for entry in published.rglob("*") if entry.is_file()} == before
    backfilled = folder / "home" / "backfills" / "2025-06-30" / "published" / "keizoku.duckdb"
    assert str(read(backfilled, "select as_of_date from audit.publication")[0][0]) == "2025-06-30"
    query = "select closing_mrr from metrics.mrr_waterfall where month = '2025-05-01' and segment_type = 'total'"
    assert read(backfilled, query) == read(published / "keizoku.duckdb", query)
    assert read(backfilled, "select max(month) = '2025-06-01' from marts.dim_months") == [(True,)]


@pytest.mark.parametrize(
    ("day", "told"), [("", "Write it as AS_OF="), ("2999-01-01", "is not past"), ("../../x", "is not a date")]
)
def test_a_backfill_of_anything_but_a_past_day_is_refused(tmp_path: Path, day: str, told: str) -> None:
    run = make("backfill", f"AS_OF={day}", KEIZOKU_HOME=tmp_path, KEIZOKU_RAW=refreshes.GOLDEN / "raw")
    assert run.returncode != 0
    assert told in run.stderr
    assert list(tmp_path.iterdir()) == []
