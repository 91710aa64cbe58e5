"""Do something in a copy of a home, ended at its 1st, 2nd, 3rd ... change of a file or folder, and once not at all.

After each end a second process looks at what is left. All of it runs in processes of their own: what they are told to
do is a script that defines `act` and `look` and calls `end_at_each_step`.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from builders import refreshes

CHANGES = {"os.rename", "os.symlink", "os.chmod", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree"}
KILLED = 137


def ended_at_each_step(script: str, *arguments: object) -> list:
    """What `look` of a script found after each end, the last of them after none; its arguments are in sys.argv."""
    run = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=refreshes.PROJECT,
        env=refreshes.environment(PYTHONPATH=refreshes.TESTS),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def end_at_each_step(
    pristine: Path, scratch: Path, act: Callable[[Path], None], look: Callable[[Path], object]
) -> None:
    """Print what `look` finds after each end of `act`, a line each."""
    for at in range(1, 500):
        home = scratch / f"home{at}"
        shutil.copytree(pristine, home, symlinks=True)
        status = _in_a_child(_dying, act, home, at)
        assert status in (0, KILLED), status
        assert _in_a_child(lambda home: print(json.dumps(look(home)), flush=True), home) == 0
        shutil.rmtree(home)
        if status == 0:
            return
    raise AssertionError("It was never done.")


def _in_a_child(work: Callable, *arguments: object) -> int:
    child = os.fork()
    if not child:
        try:
            work(*arguments)
        except BaseException as error:
            print("ERROR", repr(error), flush=True)
            os._exit(2)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _dying(act: Callable[[Path], None], home: Path, at: int) -> None:
    seen = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal seen
        writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        if (event in CHANGES or writes) and any(str(home) in str(argument) for argument in arguments):
            seen += 1
            if seen == at:
                os._exit(KILLED)

    sys.addaudithook(hook)
    act(home)
