"""What a command tells people. It is the last and least of a command: nothing that fails here changes what was done."""

import contextlib
import io
import logging
import os
import sys


class LogHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """The log on standard error, which may be full, closed or gone."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the name is logging's
        """Say nothing: there is nowhere to say it."""


def prepare() -> None:
    """Make standard output and error take any text, whatever the terminal's encoding, and be there.

    A descriptor that the caller has closed would be given to the next file that is opened, such as a database, and
    what a child process prints would land in it.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)  # the lowest number that is free: this one
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  for good
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: object) -> None:
    """Print a result."""
    with contextlib.suppress(OSError, ValueError):
        print(text, flush=True)


def complain(text: object) -> None:
    """Print what went wrong, to standard error."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def can_show(text: str) -> bool:
    """Whether standard output can show a text as it is."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def end(status: int) -> None:
    """End this process at once: all is closed and written, and Python would take seconds to take Dagster apart."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)
