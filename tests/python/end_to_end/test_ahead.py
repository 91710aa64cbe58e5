"""What a run begins while Dagster loads is taken over when it fits, and done again when it does not."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from builders import refreshes
from builders.refreshes import AS_OF, GOLDEN
from dagster._core.execution.context.data_version_cache import DataVersionCache
from dagster._core.storage.event_log import SqliteEventLogStorage
from dbt.clients.jinja import MacroGenerator
from dbt.context.macros import MacroNamespace
from dbt_common.clients import agate_helper

from orchestration import ahead, child
from orchestration.cli import run as refresh
from orchestration.landing.contract import load_contract
from orchestration.landing.files import fingerprints
from orchestration.recompute import Settings as Facts
from orchestration.recompute import World, write_all
from orchestration.settings import PROJECT, Settings, save_settings


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
def test_a_recomputation_with_other_settings_is_not_taken_even_when_it_is_done(settings: Settings) -> None:
    process, _ = ahead._recomputation
    assert process.wait(120) == 0
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


def two_models(folder: Path) -> dict[str, str]:
    """A dbt project of two models, and the settings of a dbt that builds it."""
    files = {
        "dbt_project.yml": "{name: two, version: 1.0.0, profile: two, flags: {send_anonymous_usage_stats: false}}",
        "profiles.yml": "{two: {target: to, outputs: {to: {type: duckdb, path: " + str(folder / "two.duckdb") + "}}}}",
        "models/one.sql": "select '{{ env_var('EXTRA', 'none') }}' as extra",
        "models/other.sql": "select 2 as id",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    names = {"DBT_PROJECT_DIR": folder, "DBT_PROFILES_DIR": folder, "DBT_LOG_PATH": folder}
    return os.environ | {name: str(path) for name, path in names.items()} | {"DBT_TARGET_PATH": str(folder / "target")}


def waiting_dbt(environment: dict[str, str]) -> subprocess.Popen:
    """A dbt that waits for its order."""
    command = [sys.executable, "-P", str(PROJECT / "orchestration" / "child.py"), child.WAIT]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def built(dbt: subprocess.Popen, environment: dict[str, str], *arguments: str) -> set[str]:
    """Give a dbt its order; the models that it builds."""
    output, _ = dbt.communicate(json.dumps({"arguments": arguments, "environment": environment}), timeout=120)
    assert dbt.returncode == 0, output
    results = json.loads(Path(environment["DBT_TARGET_PATH"], "run_results.json").read_text())["results"]
    return {result["unique_id"].rpartition(".")[2] for result in results}


def test_dbt_begins_with_its_last_order_but_opens_no_database_before_this_one(tmp_path: Path) -> None:
    environment = two_models(tmp_path)
    target, database = tmp_path / "target", tmp_path / "two.duckdb"
    assert built(waiting_dbt(environment), environment, "build") == {"one", "other"}

    for arguments, extra, models in (
        (["build"], "none", {"one", "other"}),
        (["build", "--select", "one"], "none", {"one"}),
        (["build", "--select", "one"], "told", {"one"}),
    ):
        database.unlink()
        (target / "graph_summary.json").unlink()
        dbt = waiting_dbt(environment)
        until = time.monotonic() + 60
        while not (target / "graph_summary.json").is_file():  # the last that dbt writes before it opens the database
            assert time.monotonic() < until and dbt.poll() is None
            time.sleep(0.1)
        time.sleep(1)
        assert not database.exists()
        assert built(dbt, environment if extra == "none" else environment | {"EXTRA": extra}, *arguments) == models
        assert refreshes.read(database, "from one") == [(extra,)]
        assert not database.with_name("two.duckdb.wal").exists()


@pytest.mark.parametrize("remembered", [None, "", "[]"])
def test_a_dbt_that_remembers_no_order_waits_for_one(tmp_path: Path, remembered: str | None) -> None:
    environment = two_models(tmp_path)
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "partial_parse.msgpack").touch()
    if remembered is not None:
        (tmp_path / "target" / "last_order.json").write_text(remembered)
    assert built(waiting_dbt(environment), environment, "build", "--select", "one") == {"one"}


def test_a_dbt_whose_run_ends_without_it_ends_too(tmp_path: Path) -> None:
    dbt = waiting_dbt(two_models(tmp_path))
    dbt.communicate(timeout=60)
    assert dbt.returncode == 1


def test_a_macro_is_found_without_detours_where_dbt_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def macros() -> dict:
        return dict(MacroNamespace({"root": 1, "both": 1}, {"both": 2}, {"both": 3, "dbts": 3}, {"other": {"both": 4}}))

    for owner, name in (
        (MacroGenerator, "__init__"), (MacroNamespace, "keys"), (MacroNamespace, "__getitem__"),
        (agate_helper, "empty_table"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, name, getattr(owner, name))
    theirs, made = macros(), vars(MacroGenerator("macro", {"context": 1}, "node", "stack"))
    child._without_detours()
    assert macros() == theirs
    assert vars(MacroGenerator("macro", {"context": 1}, "node", "stack")) == made


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


def test_what_was_not_recomputed_ahead_is_recomputed_in_the_run_itself(settings: Settings) -> None:
    script = (
        "import sys; from orchestration import ahead; from orchestration.settings import read_settings\n"
        "with ahead.begun(read_settings()):\n"
        "    assert 'pandas' in sys.modules and not sys.modules['pandas']\n"
        "    ahead.recompute(read_settings())"
    )
    environment = {"KEIZOKU_RAW": str(settings.raw), "KEIZOKU_HOME": str(settings.home), "KEIZOKU_AS_OF": AS_OF}
    subprocess.run([sys.executable, "-c", script], cwd=PROJECT, env=os.environ | environment, check=True)
    assert len(list(ahead.recomputed_folder(settings).iterdir())) == 6
