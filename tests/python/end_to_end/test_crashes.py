"""Killed at any instant, out of room, read meanwhile: one whole publication is read, and the next run needs no hand.

KEIZOKU_TEST_KILLS=100 kills more refreshes, and lets an undisturbed one follow each of them.
"""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from builders import crash_points, refreshes
from builders.refreshes import PROJECT, publish_small

from orchestration.publication import history
from orchestration.publication.publish import publish

OLD, NEW, NEXT = (f"2026010{day}T000000-aaaaa{day}" for day in (1, 2, 3))


# Killed


def start(folder: Path) -> subprocess.Popen:
    """Start a refresh as `make run` does, in a process group of its own."""
    environment = refreshes.environment(
        **refreshes.settings_of(folder),
        DAGSTER_HOME=folder / "home" / "dagster",
        DBT_PROFILES_DIR=PROJECT / "profiles",
        KEIZOKU_KEEP=3,
    )
    command = [sys.executable, "-m", "orchestration.cli.main", "run"]
    silence = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=PROJECT, env=environment, start_new_session=True, text=True, **silence)


def undisturbed(folder: Path) -> dict[str, tuple]:
    """What a refresh publishes that nobody disturbs, and that nothing is left beside it."""
    run = start(folder)
    _, errors = run.communicate(timeout=900)
    assert run.returncode == 0, errors
    published = folder / "home" / "published"
    assert sorted(entry.name for entry in published.iterdir()) == [
        "current", "finance", "history", "keizoku.duckdb", "publications.jsonl",
    ]  # fmt: skip
    assert all(not name.name.startswith(".") for name in (published / "history").iterdir())
    return refreshes.contents(published / "keizoku.duckdb")


def with_another_name(folder: Path) -> Path:
    """The raw files of a folder with one account renamed: another company to publish."""
    accounts = folder / "raw" / "accounts.csv"
    text = accounts.read_text(encoding="utf-8")
    name = text.splitlines()[1].split(",")[1]
    accounts.write_text(text.replace(name, "Renamed", 1), encoding="utf-8")
    return folder


def test_a_refresh_killed_at_any_instant_leaves_one_whole_publication_and_the_next_is_as_if_undisturbed(
    tmp_path: Path,
) -> None:
    kills = int(os.environ.get("KEIZOKU_TEST_KILLS", "8"))
    folder = with_another_name(refreshes.copy_of_golden(tmp_path / "killed"))
    published = folder / "home" / "published" / "keizoku.duckdb"
    old = refreshes.contents(published)
    began = time.monotonic()
    new = undisturbed(shutil.copytree(folder, tmp_path / "undisturbed", symlinks=True))
    duration = time.monotonic() - began
    assert new != old

    randomness = random.Random(20251231)
    hits = 0
    for attempt in range(3 * kills):
        if hits == kills:
            break
        run, began = start(folder), time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait((hits + randomness.random()) / kills * duration)
        if run.poll() is not None:  # the machine has become faster
            duration = min(duration, time.monotonic() - began)
        else:
            hits += 1
            # The whole group, or only the run itself: what it started must not go on without it.
            os.killpg(run.pid, signal.SIGKILL) if attempt % 2 else os.kill(run.pid, signal.SIGKILL)
        run.communicate()
        assert refreshes.contents(published) in (old, new), f"kill {hits}"
        assert len(refreshes.build_ids(published)) == 1
        if kills > 8:
            assert undisturbed(folder) == new, f"kill {hits}"
    assert hits == kills
    assert undisturbed(folder) == new


SWITCH = """
import sys
from pathlib import Path
from builders import crash_points, refreshes
from orchestration.publication import history
from orchestration.publication.publish import publish as publish_build

pristine, scratch, action = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
BUILDS = sys.argv[4:6]
FILES = [refreshes.small_build(scratch / f"{build}.duckdb", build) for build in BUILDS]
history.sync = lambda path: None  # what a kill cannot undo, and what would take most of the time

def publish(home, which):
    dashboard = [lambda folder: (folder / "dashboard").mkdir()]
    file = home / "published" / "keizoku.duckdb"
    publish_build(FILES[which], file, BUILDS[which], [], outputs=dashboard, keep=2)

def act(home):
    publish(home, 0) if action == "publish" else history.roll_back(home)

def look(home):
    published = home / "published"
    seen = refreshes.build_ids(published / "keizoku.duckdb")
    last = history.records(published)[-1]
    assert seen == {last["build_id"]} and last["publication"] == history.current(published), (seen, last)
    history.clean(published)
    publish(home, 1)
    assert refreshes.build_ids(published / "keizoku.duckdb") == {BUILDS[1]}
    assert history.records(published)[-1]["publication"] == BUILDS[1]
    left = [entry.name for folder in (published, published / "history") for entry in folder.iterdir()]
    assert not [name for name in left if name.startswith(".")], left
    assert len(history.kept(published)) == 2
    return sorted(seen)

crash_points.end_at_each_step(pristine, scratch, act, look)
"""


@pytest.mark.parametrize(
    ("action", "before", "after"), [("publish", OLD, NEW), ("roll back", OLD, "20260100T000000-aaaaa0")]
)
def test_a_switch_ended_at_each_of_its_steps_has_happened_and_is_recorded_or_has_not(
    tmp_path: Path, action: str, before: str, after: str
) -> None:
    pristine = tmp_path / "pristine"
    for build_id in ("20260100T000000-aaaaa0", OLD):
        publish_small(pristine, build_id, tmp_path)
    seen = crash_points.ended_at_each_step(SWITCH, pristine, tmp_path / "scratch", action, NEW, NEXT)
    assert len(seen) >= (20 if action == "publish" else 5)
    # Old up to one of the steps, new from it on: and never anything else.
    switched = seen.index([after])
    assert seen == [[before]] * switched + [[after]] * (len(seen) - switched)
    assert 1 < switched < len(seen)


# Out of room


@contextlib.contextmanager
def little_room(folder: Path, megabytes: int) -> Iterator[Callable[[], None] | None]:
    """Let a folder take a few megabytes: a small file system, or where none may be mounted a limit on files.

    Gives what a child process has to call before it starts.
    """
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        try:
            yield None
        finally:
            subprocess.run(["umount", folder], check=True)
    else:
        size = megabytes * 2**20 // 2
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


PUBLISH = """
import sys
from pathlib import Path
from orchestration.publication.publish import publish
published = Path(sys.argv[1]) / "published" / "keizoku.duckdb"
publish(Path(sys.argv[2]), published, sys.argv[3], [])
"""


def test_a_publication_for_which_there_is_no_room_leaves_the_last_one_and_works_again_when_there_is(
    tmp_path: Path,
) -> None:
    big = refreshes.small_build(tmp_path / "big.duckdb", NEW, rows=300_000)
    home = tmp_path / "full"
    with little_room(home, megabytes=12) as limit:
        published = publish_small(home, OLD, tmp_path)
        before = published.read_bytes()
        run = subprocess.run(
            [sys.executable, "-c", PUBLISH, home, big, NEW],
            cwd=PROJECT, env=refreshes.environment(), capture_output=True, text=True, preexec_fn=limit, check=False,
        )  # fmt: skip
        assert run.returncode != 0
        assert "No space left" in run.stderr or "File too large" in run.stderr
        assert published.read_bytes() == before
        assert history.kept(home / "published") == [OLD]
        assert not list((home / "published" / "history").glob(".*"))
        publish_small(home, NEXT, tmp_path)
        assert refreshes.build_ids(published) == {NEXT}


def test_a_refresh_on_a_full_disk_names_the_folder_and_leaves_what_is_published(tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(refreshes.GOLDEN / "raw", tmp_path / "raw")
    with little_room(home, megabytes=4) as limit:
        published = publish_small(home, OLD, tmp_path)
        run = subprocess.run(
            ["make", "--no-print-directory", "run"],
            cwd=PROJECT, env=refreshes.environment(**refreshes.settings_of(tmp_path)),
            capture_output=True, text=True, timeout=600, preexec_fn=limit, check=False,
        )  # fmt: skip
        assert run.returncode != 0
        assert f"Nothing was published. The disk is full: {home} has " in run.stderr
        assert "Free space there and run again." in run.stderr
        assert refreshes.build_ids(published) == {OLD}


# Read meanwhile

READ_ON = """
# Open the published file again and again; each time it is from one build, and not from an older one than before.
import sys
import duckdb
from builders import refreshes
query = " union ".join(f"select build_id from {table}" for table in refreshes.STAMPED)
last, seen = "", set()
for opened in range(int(sys.argv[2])):
    with duckdb.connect(sys.argv[1], read_only=True) as connection:
        (build,), *others = [row for asked in range(4) for row in connection.execute(query).fetchall()]
    assert others == [(build,)] * 3, (build, others)
    assert build >= last, (build, last)
    last = build
    seen.add(build)
    if opened == 0:
        print("reading", flush=True)
print(len(seen), flush=True)
"""


def test_two_thousand_reads_over_many_publications_never_fail_and_each_sees_one_build(tmp_path: Path) -> None:
    home = tmp_path / "home"
    published = publish_small(home, "20260101T000000-000000", tmp_path)
    reader = subprocess.Popen(
        [sys.executable, "-c", READ_ON, published, "500"],
        cwd=PROJECT,
        env=refreshes.environment(PYTHONPATH=refreshes.TESTS),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    reader.stdout.readline()
    publications = 0
    while reader.poll() is None:
        publications += 1
        build_id = f"20260101T{publications:06}-aaaaaa"
        build = refreshes.small_build(tmp_path / "build.duckdb", build_id)
        publish(build, published, build_id, [], keep=2)
    seen, errors = reader.communicate()
    assert reader.returncode == 0, errors
    assert publications >= 5
    assert int(seen) >= 5
