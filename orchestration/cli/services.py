"""`keizoku daemon` and `keizoku ui`: Dagster's own processes, on what this project writes to."""

import argparse
import os
import sys
from pathlib import Path

from orchestration.cli import run

DEFINITIONS = ("-m", "orchestration.definitions")


def daemon(arguments: list[str]) -> int:
    """Refresh every day and when raw files arrive, until stopped."""
    argparse.ArgumentParser(prog="keizoku daemon", description=daemon.__doc__).parse_args(arguments)
    return _become("dagster-daemon", "run", *DEFINITIONS)


def ui(arguments: list[str]) -> int:
    """Open Dagster on this machine alone, at http://127.0.0.1:3000."""
    argparse.ArgumentParser(prog="keizoku ui", description=ui.__doc__).parse_args(arguments)
    return _become("dagster-webserver", "--host", "127.0.0.1", "--port", "3000", *DEFINITIONS)


def _become(command: str, *arguments: str) -> int:
    """Let this process be a command of the environment, once its folders are there; give the status when they are not.

    DAGSTER_HOME is set here and not by make, which would split a path at its spaces.
    """
    status = run.main(["--prepare-only"])
    if status == 0:
        # What dbt and Dagster print is never a failure, whatever the terminal's encoding.
        os.environ["PYTHONIOENCODING"] = f"{sys.stdout.encoding}:backslashreplace"
        file = Path(sys.executable).with_name(command)
        os.execv(file, [str(file), *arguments])  # noqa: S606  a fixed command of this environment
    return status
