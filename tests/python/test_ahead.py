"""What a run begins while Dagster loads is taken over when it fits, and done again when it does not."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.execution.context.data_version_cache import DataVersionCache
from dagster._core.storage.event_log import SqliteEventLogStorage
from refreshes import AS_OF, GOLDEN

from orchestration import ahead, refresh
from orchestration.landing.contract import load_contract
from orchestration.landing.files import fingerprints
from orchestration.recompute import Settings as Facts
from orchestration.recompute import World, write_all
from orchestration.settings import Settings, save_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The golden fixture, in an empty home."""
    found = Settings(GOLDEN / "raw", tmp_path, date.fromisoformat(AS_OF), "Asia/Tokyo", "JPY", "20260101T000000-aaaaaa")
    found.build.mkdir()
    return found


@pytest.fixture
def begun(settings: Settings) -> Iterator[None]:
    """A run that has just begun."""
    with ahead.begun(settings):
        yield


def landed(settings: Settings) -> tuple:
    """What landing notes of the raw files."""
    return fingerprints(settings.raw, load_contract())


@pytest.mark.usefixtures("begun")
def test_the_recomputation_that_was_begun_is_the_one_that_the_step_would_make(
    settings: Settings, tmp_path: Path
) -> None:
    assert ahead.has_recomputed(settings, landed(settings))
    write_all(World(settings.raw, Facts(settings.as_of_date)), tmp_path / "again")
    files = sorted((tmp_path / "again").iterdir())
    assert len(files) == 6
    for file in files:
        assert (ahead.recomputed_folder(settings) / file.name).read_bytes() == file.read_bytes()


@pytest.mark.usefixtures("begun")
def test_a_recomputation_of_other_files_is_ended_and_not_taken(settings: Settings) -> None:
    process, _ = ahead._recomputation
    first, *others = landed(settings)
    assert not ahead.has_recomputed(settings, (replace(first, size=first.size + 1), *others))
    assert process.poll() is not None  # it no longer writes where the step will


@pytest.mark.usefixtures("begun")
def test_a_recomputation_with_other_settings_is_not_taken(settings: Settings) -> None:
    assert not ahead.has_recomputed(replace(settings, as_of_date=date(2025, 11, 30)), landed(settings))


def test_a_recomputation_that_failed_or_was_never_begun_is_not_taken(settings: Settings, tmp_path: Path) -> None:
    assert not ahead.has_recomputed(settings, landed(settings))
    empty = replace(settings, raw=tmp_path / "nothing")
    with ahead.begun(empty):
        assert not ahead.has_recomputed(empty, landed(empty))


@pytest.mark.usefixtures("begun")
def test_a_dbt_that_died_while_it_waited_is_started_anew() -> None:
    ahead._dbt.kill()
    ahead._dbt.wait()
    with ahead.dbt_waiting():
        run = subprocess.Popen([sys.executable, "-c", "print('another')"], stdout=subprocess.PIPE, text=True)
    assert run.communicate(timeout=60)[0] == "another\n"


@pytest.mark.usefixtures("begun")
def test_a_dbt_that_waits_does_what_the_next_start_asks_for_once() -> None:
    with ahead.dbt_waiting():
        run = subprocess.Popen(["dbt", "--version"], env={"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"})
        again = subprocess.Popen([sys.executable, "-c", ""])
    assert run.args == ["dbt", "--version"] and run.pid != again.pid
    assert b"1.11" in run.communicate(timeout=120)[0]
    assert again.wait(60) == 0


def test_a_run_without_failure_that_published_nothing_is_a_failure(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster calls a run successful whose last step was skipped, for want of what it needs."""
    from orchestration.definitions import defs

    result = SimpleNamespace(success=True, all_events=[], get_asset_check_evaluations=list)
    job = SimpleNamespace(execute_in_process=lambda **_: result)
    monkeypatch.setattr(defs.__class__, "resolve_job_def", lambda *_: job)
    monkeypatch.setattr(refresh, "_record_quickly", lambda: None)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("KEIZOKU_HOME", str(settings.home))
    save_settings(settings)
    (cause,) = refresh._run_job(settings)
    assert "failed without a step" in cause


def test_the_runs_of_two_homes_are_recorded_each_in_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqliteEventLogStorage, "_connect", SqliteEventLogStorage._connect)
    name = "fetch_external_input_asset_version_info"
    monkeypatch.setattr(DataVersionCache, name, getattr(DataVersionCache, name))
    refresh._record_quickly()
    for home in (tmp_path / "one", tmp_path / "other"):
        home.mkdir()
        with dg.DagsterInstance.local_temp(str(home)) as instance, instance.event_log_storage.index_connection() as db:
            ((_, _, file),) = db.exec_driver_sql("pragma database_list").fetchall()
        assert Path(file).is_relative_to(home)
