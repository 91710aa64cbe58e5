"""What a run begins while Dagster still loads: the recomputation, and dbt's own start.

The recomputation needs the raw files and nothing else of the run, and dbt needs seconds before its first model. Both
get a process of their own; the steps that need them take over what those have done, or do it themselves.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration import child
from orchestration.landing.contract import load_contract
from orchestration.landing.files import Fingerprint, fingerprints
from orchestration.operations.lock import dbt_lock_file
from orchestration.settings import PROJECT, Settings

_recomputation: tuple[subprocess.Popen, tuple] | None = None
_dbt: subprocess.Popen | None = None


@contextmanager
def begun(settings: Settings) -> Iterator[None]:
    """Recompute and load dbt for as long as this lasts; the lock of KEIZOKU_HOME is held."""
    global _recomputation, _dbt
    about = _about(settings, fingerprints(settings.raw, load_contract()))
    environment = os.environ | child.tied_to_this_process(dbt_lock_file(settings.home))
    arguments = [*map(str, about[:-1]), str(recomputed_folder(settings))]
    # What goes wrong there is left to the steps: they do it again then, and say what is wrong.
    recomputation = subprocess.Popen(  # noqa: S603  its own command; nothing in it is read as code
        [sys.executable, "-m", "orchestration.recompute", *arguments],
        cwd=PROJECT, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    dbt = subprocess.Popen(  # noqa: S603  likewise
        [sys.executable, "-P", str(PROJECT / "orchestration" / "child.py"), child.WAIT],
        cwd=PROJECT, env=environment | dbt_environment(settings),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    _recomputation, _dbt = (recomputation, about), dbt
    # DuckDB loads pandas with the first value that it is given, in half a second; none is of a kind of pandas.
    sys.modules.setdefault("pandas", None)
    try:
        yield
    finally:
        _recomputation = _dbt = None
        _let_pandas_load()
        for process in (recomputation, dbt):
            process.kill()
            process.wait()


def has_recomputed(settings: Settings, landed: tuple[Fingerprint, ...]) -> bool:
    """Wait for the recomputation, if one was begun with these settings and files; say whether its tables are there."""
    if _recomputation is None:
        return False
    process, about = _recomputation
    if about != _about(settings, landed):
        process.kill()  # the step is about to write to the same folder
        process.wait()
        return False
    return process.wait() == 0


def recompute(settings: Settings) -> None:
    """Recompute the raw files, in this process."""
    _let_pandas_load()
    from orchestration.recompute import World, write_all  # it takes a second to load

    write_all(World(settings.raw, settings), recomputed_folder(settings))


def recomputed_folder(settings: Settings) -> Path:
    """Where the recomputed tables of a build are written."""
    return settings.build / "recomputed"


def dbt_environment(settings: Settings) -> dict[str, str]:
    """What dbt has to find in its environment before it is told what to do."""
    return {"KEIZOKU_BUILD": str(settings.build_file), "DBT_TARGET_PATH": str(settings.dbt_target)}


@contextmanager
def dbt_waiting() -> Iterator[None]:
    """Let the next process that is started, dbt's, be the one that has loaded dbt already, if it is there."""
    global _dbt
    waiting, _dbt = _dbt, None
    if waiting is None or waiting.poll() is not None:
        yield
        return

    def hand_over(args: list, *, env: dict[str, str], **options: object) -> subprocess.Popen:
        subprocess.Popen = start
        order = {"arguments": [str(argument) for argument in args[1:]], "environment": env}
        try:
            with waiting.stdin as stdin:
                stdin.write(json.dumps(order).encode() + b"\n")
        except BrokenPipeError:  # it has just died
            return start(args, env=env, **options)
        waiting.args, waiting.stdin = args, None
        return waiting

    start, subprocess.Popen = subprocess.Popen, hand_over
    try:
        yield
    finally:
        subprocess.Popen = start


def _let_pandas_load() -> None:
    if sys.modules.get("pandas", sys) is None:
        del sys.modules["pandas"]


def _about(settings: Settings, files: tuple[Fingerprint, ...]) -> tuple:
    """What a recomputation depends on."""
    return settings.raw, settings.as_of_date, settings.time_zone, settings.currency, files
