"""`make daemon`: what it tells, what it tries again, what its log shows."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from builders import refreshes
from builders.processes import HOLD_THE_LOCK, another_process, webhook
from builders.refreshes import PROJECT


def wait_for(what: Callable[[], object], daemon: subprocess.Popen, log: Path, seconds: float = 300) -> None:
    """Wait until something is the case."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until and daemon.poll() is None, log.read_text(encoding="utf-8")[-5000:]
        time.sleep(0.2)


def attempts(home: Path) -> int:
    """How many runs have failed one after the other, as failure.json says."""
    try:
        return json.loads((home / "failure.json").read_text(encoding="utf-8"))["retry"]["attempt"]
    except (OSError, ValueError):
        return 0


@contextlib.contextmanager
def daemon_of(folder: Path, **settings: object) -> Iterator[tuple[subprocess.Popen, Path]]:
    """`make daemon` on the golden company, which looks every second, and its log; ended with all that it started."""
    shutil.copytree(refreshes.GOLDEN / "raw", folder / "raw")
    log = folder / "daemon.log"
    settings = refreshes.settings_of(folder, KEIZOKU_LOOK_EVERY=1, **settings)
    with log.open("w") as output:
        daemon = subprocess.Popen(
            ["make", "daemon"], cwd=PROJECT, env=refreshes.environment(**settings),
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
        try:
            yield daemon, log
        finally:
            os.killpg(daemon.pid, signal.SIGTERM)
            daemon.wait(60)


def test_a_run_that_met_a_held_lock_is_told_once_and_tried_again_until_it_publishes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with (
        webhook() as (url, alerts),
        another_process(HOLD_THE_LOCK, home) as holder,
        daemon_of(tmp_path, KEIZOKU_WEBHOOK_URL=url, KEIZOKU_LOCK_WAIT=0) as (daemon, log),
    ):
        wait_for(lambda: attempts(home) >= 2, daemon, log)
        holder.kill()
        wait_for((home / "published" / "keizoku.duckdb").exists, daemon, log)
        wait_for(lambda: not (home / "failure.json").exists(), daemon, log)
    (alert,) = alerts
    cause = f"Another refresh (process {holder.pid}, build id 20260101T000000-abcdef, since "
    assert alert["event"] == "run_failed"
    assert alert["message"].startswith(cause)
    assert "tries again" in alert["message"]
    said = log.read_text(encoding="utf-8")
    for line in (
        "Landed 7 tables, 31 rows",
        "raw         31 rows in 7 tables",
        "recomputed  every metric",
        "published   after",
    ):
        assert line in said
