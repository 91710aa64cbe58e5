"""KEIZOKU_HOME as it comes back from copies, crashes and other machines, and the terminals that a run prints to."""

import datetime as dt
import json
import os
import random
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from builders import refreshes
from builders.refreshes import AS_OF, PROJECT, keizoku, make, publish_small, read

from orchestration.publication import history

A, B = "20260101T000000-aaaaaa", "20260102T000000-bbbbbb"
PUBLISH = """
import sys
from pathlib import Path
from orchestration.publication.publish import publish
publish(Path(sys.argv[2]), Path(sys.argv[1]) / "published" / "keizoku.duckdb", "20260101T000000-aaaaaa", [])
"""
WAYS = ("missing", "torn", "garbled")


def damage(file: Path, way: str) -> None:
    """Do to a file what disks and tools do."""
    if file.is_symlink():
        file.unlink()
        if way != "missing":  # a system without links keeps what they say as text
            file.write_text("history/gone"[: 12 if way == "garbled" else 6], encoding="utf-8")
        return
    file.chmod(0o644)
    content = file.read_bytes()
    if way == "missing":
        file.unlink()
    elif way == "torn":
        file.write_bytes(content[: len(content) * 2 // 3])
    else:
        file.write_bytes(random.Random(1).randbytes(max(len(content), 40)))


def files_of(home: Path, *but: str) -> Iterator[Path]:
    """Every file and link of a home, but those below some of its folders."""
    for entry in sorted(home.rglob("*")):
        if not str(entry.relative_to(home)).startswith(but) and (entry.is_symlink() or entry.is_file()):
            yield entry


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two publications, each with a file and a page, a failed run, and the locks."""

    def page(folder: Path) -> None:
        (folder / "dashboard").mkdir()
        (folder / "dashboard" / "index.html").write_text(folder.name, encoding="utf-8")

    folder = tmp_path_factory.mktemp("two")
    home = folder / "home"
    for build_id in (A, B):
        publish_small(home, build_id, folder, outputs=[page], as_of_date=AS_OF)
    failed = {"at": "2026-01-03T00:00:00Z", "build_id": "20260103T000000-cccccc", "message": "accounts.csv is broken"}
    (home / "failure.json").write_text(json.dumps(failed), encoding="utf-8")
    (home / "lock").write_text(json.dumps({"purpose": "refresh", "process": 1}), encoding="utf-8")
    (home / "lock.dbt").touch()
    return home


@pytest.mark.parametrize("way", WAYS)
def test_status_and_rollback_outlive_the_loss_of_any_file(two: Path, tmp_path: Path, way: str) -> None:
    for number, file in enumerate(files_of(two, "state")):
        home = tmp_path / str(number)
        shutil.copytree(two, home, symlinks=True)
        lost = file.relative_to(two)
        damage(home / lost, way)
        status, rollback = keizoku("status", KEIZOKU_HOME=home), keizoku("rollback", KEIZOKU_HOME=home)
        assert "Traceback" not in status.stderr + rollback.stderr, (lost, way)
        shown = home / "published" / history.FILE
        if lost == Path("published/history") / A / history.FILE:  # the one to go back to
            assert rollback.returncode == 1
            assert "No publication that can be read is kept from before" in rollback.stderr
            assert refreshes.build_ids(shown) == {B}
            continue
        assert rollback.returncode == 0, (lost, way, rollback.stderr)
        # What readers had lost is given back to them first.
        assert refreshes.build_ids(shown) == {B if lost == Path("published/current") else A}, (lost, way)
        assert shown.is_symlink()
        if lost == Path("published/history") / B / history.FILE:
            assert status.returncode == 1
            assert "`make run` publishes anew, `make rollback` goes back" in status.stdout or way == "missing"
            assert f"{B} cannot be read; a rollback passes it over." in rollback.stderr
        if lost.parts[:2] == ("published", "publications.jsonl"):
            assert "publications.jsonl is whole again" in rollback.stderr
            actions = [(entry["publication"], entry["action"]) for entry in history.records(home / "published")]
            assert actions[-1] == (A, "rolled back")
            assert {publication for publication, _ in actions} == {A, B}
        shutil.rmtree(home)


def test_a_record_without_an_end_is_no_end_of_history(two: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(two, home, symlinks=True)
    record = home / "published" / history.RECORD
    record.chmod(0o644)
    lines = record.read_text(encoding="utf-8")
    record.write_text(lines[: lines.rindex('"as_of_date"')], encoding="utf-8")
    status = keizoku("status", KEIZOKU_HOME=home)
    assert status.returncode == 0
    assert re.search(rf"no record +{B} +kept", status.stdout)
    rollback = keizoku("rollback", KEIZOKU_HOME=home)
    assert rollback.returncode == 0
    assert "lines 1 torn, left out, 1 lost, made anew" in rollback.stderr
    actions = [(entry["publication"], entry["action"]) for entry in history.records(home / "published")]
    assert actions == [(A, "published"), (B, "recovered"), (A, "rolled back")]


def test_a_home_of_garbage_copied_by_a_tool_that_follows_links_is_healed_by_the_next_run(tmp_path: Path) -> None:
    """Under a name with blanks and Japanese letters, a strict umask and a terminal that knows ASCII alone."""
    folder = tmp_path / "お客様 の データ"
    home = folder / "継続's home"
    shutil.copytree(refreshes.golden() / "raw", folder / "生 raw")
    shutil.copytree(refreshes.golden() / "home", home, symlinks=False)
    name = next((home / "published" / "history").iterdir()).name
    (home / "failure.json").write_text("{", encoding="utf-8")
    shutil.rmtree(home / "build" / "target" / "compiled", ignore_errors=True)
    for file in files_of(home, "state", "published/history", "published/current"):
        damage(file, "garbled")
    before = set(PROJECT.iterdir())
    run = subprocess.run(
        ["bash", "-c", "umask 077; make --no-print-directory run"],
        cwd=PROJECT,
        env=refreshes.environment(
            KEIZOKU_HOME=home, KEIZOKU_RAW=folder / "生 raw", KEIZOKU_AS_OF=AS_OF, PYTHONIOENCODING="ascii", LC_ALL="C"
        ),
        capture_output=True,
        check=False,
    )
    told = run.stderr.decode("ascii")
    assert run.returncode == 0, told
    output = run.stdout.decode("ascii")
    assert "Net revenue retention" in output
    assert "\\u7d99\\u7d9a's home/published/keizoku.duckdb" in output
    for words in (
        f"current was a copy; it is a link to {name} again.",
        "publications.jsonl is whole again",
        "finance, keizoku.duckdb in ",
        "runs.db is broken (no database): put aside as runs.db.broken, and made anew.",
        "schedules.db is broken",
    ):
        assert words in told, words
    assert set(PROJECT.iterdir()) == before
    published = home / "published"
    assert (home / "dagster" / "history" / "runs.db").is_file()
    assert not (home / "failure.json").exists()
    assert [entry["action"] for entry in history.records(published)] == ["recovered", "published"]
    assert published.joinpath("current").is_symlink()
    for entry in (home, published, *published.rglob("*")):
        wanted = stat.S_IROTH | (stat.S_IXOTH if entry.is_dir() else 0)
        assert entry.stat().st_mode & wanted == wanted, entry
    for private in ("build", "dagster"):
        assert stat.S_IMODE((home / private).stat().st_mode) == 0o700
    status = keizoku("status", KEIZOKU_HOME=home, PYTHONIOENCODING="latin-1", KEIZOKU_AS_OF=AS_OF)
    assert status.returncode == 0, status.stderr


def test_a_simulation_is_marked_and_locks_nothing_and_is_published_though_nobody_reads_what_is_printed(
    tmp_path: Path,
) -> None:
    """In a home whose files are torn, with an as-of date that has not come, its output going to a closed pipe."""
    folder = refreshes.copy_of_golden(tmp_path / "golden")
    home = folder / "home"
    for file in files_of(home, "state", "published/history", "published/current", "published/keizoku", "published/fin"):
        damage(file, "torn")
    soon = dt.date.today() + dt.timedelta(days=3)  # the test's own clock
    settings = refreshes.settings_of(folder, KEIZOKU_AS_OF=soon)
    refused = make("run", **settings)
    assert refused.returncode != 0
    assert f"KEIZOKU_AS_OF={soon} has not come: in Asia/Tokyo it is" in refused.stderr
    assert "KEIZOKU_ALLOW_FUTURE=1" in refused.stderr
    run = subprocess.run(
        ["bash", "-c", "make --no-print-directory run 2>&1 | head -c 1; exit ${PIPESTATUS[0]}"],
        cwd=PROJECT,
        env=refreshes.environment(**settings, KEIZOKU_ALLOW_FUTURE=1),
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0
    assert not (home / "failure.json").exists()
    published = home / "published" / history.FILE
    assert read(published, "select is_simulation, as_of_date from audit.publication") == [(True, soon)]
    full = subprocess.run(
        ["bash", "-c", "make --no-print-directory status > /dev/full"],
        cwd=PROJECT,
        env=refreshes.environment(KEIZOKU_HOME=home),
        check=False,
    )
    assert full.returncode == 0
    assert "a simulation: that day had not come when it was computed" in make("status", KEIZOKU_HOME=home).stdout
    close = make("close", f"MONTH={AS_OF[:7]}", **settings, KEIZOKU_ALLOW_FUTURE=1)
    assert close.returncode != 0
    assert f"What is published is a simulation as of {soon}" in close.stderr
    assert not (home / "state").exists()


def test_a_closed_standard_output_is_no_file_of_the_warehouse(two: Path) -> None:
    """A descriptor that is free goes to the next file that is opened, and what is printed would go into it."""
    before = (two / "published" / history.FILE).read_bytes()
    for command in ("keizoku status >&-", "keizoku status >&- 2>&-", "keizoku nothing 2>&-"):
        status = subprocess.run(
            ["bash", "-c", f"{PROJECT}/.venv/bin/{command}"],
            env=refreshes.environment(KEIZOKU_HOME=two),
            check=False,
        )
        assert status.returncode == (2 if "nothing" in command else 0), command
    assert (two / "published" / history.FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("KEIZOKU_MEMORY", "half", "write a size such as 4GB or 512MB"),
        ("KEIZOKU_MEMORY", "0GB", "write a size such as 4GB or 512MB"),
        ("KEIZOKU_THREADS", "0", "write a whole number from 1 on"),
        ("KEIZOKU_ALLOW_FUTURE", "yes", "use 1 to compute as of a day that has not come, else 0"),
    ],
)
def test_a_setting_of_the_machine_that_cannot_be_used_is_named_before_anything_runs(
    tmp_path: Path, name: str, value: str, remedy: str
) -> None:
    run = make("run", KEIZOKU_HOME=tmp_path, KEIZOKU_RAW=refreshes.GOLDEN / "raw", KEIZOKU_AS_OF=AS_OF, **{name: value})
    assert run.returncode != 0
    assert f"{name}='{value}'" in run.stderr
    assert remedy in run.stderr
    assert not (tmp_path / "published").exists()


def test_a_limit_that_cannot_be_used_is_named_by_whoever_reads_what_is_published(two: Path) -> None:
    for command in ("status", "rollback", "close 2025-12", "ask customers_at_risk"):
        answer = keizoku(*command.split(), KEIZOKU_HOME=two, KEIZOKU_MEMORY="half")
        assert answer.returncode != 0
        assert "KEIZOKU_MEMORY='half' cannot be used; write a size such as 4GB or 512MB." in answer.stderr, command
        assert "Traceback" not in answer.stderr


def test_what_does_not_fit_into_the_memory_goes_to_the_home_and_nowhere_else(tmp_path: Path) -> None:
    """A table of 90 MB is sorted in 60: once into the folder where it may, once with a file in that folder's place."""
    home, here = tmp_path / "home", tmp_path / "here"
    here.mkdir()
    build = refreshes.small_build(tmp_path / "build.duckdb", "20260101T000000-aaaaaa")
    with duckdb.connect(str(build)) as connection:
        connection.execute(
            "create table marts.fct_many as "
            "select md5(cast(range as varchar)) as account_id, md5(cast(-range as varchar)) as name from range(1500000)"
        )
    settings = refreshes.environment(KEIZOKU_HOME=home, KEIZOKU_MEMORY="60MB", KEIZOKU_THREADS=1, PYTHONPATH=PROJECT)
    command = [sys.executable, "-c", PUBLISH, str(home), str(build)]
    spilled = home / "build" / "spilled"
    spilled.parent.mkdir(parents=True)
    spilled.touch()
    refused = subprocess.run(command, cwd=here, env=settings, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert str(spilled) in refused.stderr
    spilled.unlink()
    subprocess.run(command, cwd=here, env=settings, check=True)
    assert refreshes.read(home / "published" / history.FILE, "select count(*) from marts.fct_many") == [(1500000,)]
    assert not spilled.exists() or not list(spilled.iterdir())
    assert list(here.iterdir()) == []


def test_a_path_that_is_no_utf8_is_refused_by_name(tmp_path: Path) -> None:
    run = keizoku("run", KEIZOKU_HOME=os.fsdecode(bytes(tmp_path) + b"/\x8c\xda\x8bq"))
    assert run.returncode != 0
    assert "KEIZOKU_HOME=" in run.stderr
    assert "is no UTF-8. Rename the folder" in run.stderr
