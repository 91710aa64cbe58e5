"""One writer: who lands, builds, publishes or rolls back holds the lock of KEIZOKU_HOME. Readers need none.

The lock is the kernel's (flock), so that a holder that dies, however it dies, has freed it. The text in the file
only says who holds it. What a run starts shares a second lock, which says that nothing of a dead run still writes.
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from orchestration.operations.folders import make_open
from orchestration.settings import LOCK_WAIT, number

log = logging.getLogger("keizoku")

POLL_SECONDS = 0.1
_held: dict[Path, TextIO] = {}


class LockedError(Exception):
    """Somebody else is writing; the message says who."""


def lock_file(home: Path) -> Path:
    """The file that a writer locks. It stays for ever: to remove it would let two hold it."""
    return home / "lock"


def dbt_lock_file(home: Path) -> Path:
    """The file that is locked for as long as a dbt of a run lives."""
    return home / "lock.dbt"


@contextmanager
def writing(home: Path, purpose: str, **about: str) -> Iterator[None]:
    """Hold the lock; wait KEIZOKU_LOCK_WAIT seconds for it at most, then raise LockedError.

    Whoever holds it already goes straight on, so that each step of a run can ask for it.
    """
    path = lock_file(home)
    if path in _held:
        note(home, **about)
        yield
        return
    deadline = time.monotonic() + number(*LOCK_WAIT)
    make_open(home)
    with path.open("a+", encoding="utf-8") as file, dbt_lock_file(home).open("a") as dbt:
        _acquire(file, home, deadline)
        # A dbt that lost its run ends within a moment by itself (warehouse/dbt_process.py).
        _acquire(dbt, home, deadline)
        fcntl.flock(dbt, fcntl.LOCK_UN)
        with suppress(OSError):
            file.truncate(0)  # what one that was killed, or another machine, had written
        _held[path] = file
        try:
            note(
                home,
                purpose=purpose,
                process=os.getpid(),
                started_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                **about,
            )
            yield
        finally:
            del _held[path]
            with suppress(OSError):
                file.truncate(0)


def note(home: Path, **about: object) -> None:
    """Write who holds the lock into it, or add to that. A full disk may not keep a run from its own message."""
    file = _held[lock_file(home)]
    with suppress(OSError):
        text = json.dumps(_read(file) | about)
        file.seek(0)
        file.truncate()
        file.write(text)
        file.flush()


def holder(home: Path) -> dict[str, Any] | None:
    """Who is writing now; None when nobody is."""
    try:
        with lock_file(home).open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read(file)
    except FileNotFoundError:
        pass
    return None


def describe(about: dict[str, Any]) -> str:
    """Say who a holder is, in a few words."""
    details = [f"{name.replace('_', ' ')} {about[name]}" for name in ("process", "build_id") if about.get(name)]
    since = f", since {about['started_at']}" if about.get("started_at") else ""
    return f"{about.get('purpose', 'run')} ({', '.join(details) or 'just starting'}{since})"


def _acquire(file: TextIO, home: Path, deadline: float) -> None:
    told = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            left = deadline - time.monotonic()
            with lock_file(home).open(encoding="utf-8") as other:
                who = describe(_read(other))
            if left <= 0:
                raise LockedError(
                    f"Another {who} is writing to {home} and was not done in time. "
                    "Run again when it is (`make status` shows it), or wait longer with KEIZOKU_LOCK_WAIT=seconds."
                ) from None
            if not told:
                log.info("Another %s is writing to %s: waiting up to %.0f s ...", who, home, left)
                told = True
            time.sleep(min(POLL_SECONDS, left))
        else:
            return


def _read(file: TextIO) -> dict[str, Any]:
    file.seek(0)
    try:
        return dict(json.loads(file.read() or "{}"))
    except (ValueError, TypeError):  # read while it was being written
        return {}
