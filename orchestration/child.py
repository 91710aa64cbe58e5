"""dbt as a run starts it: it ends when its run does, even when that is killed, and never meets the next run.

The build file is no place for two: a dbt left behind would go on writing beside the one of the next run.
"""

import fcntl
import gc
import os
import signal
import sys
import threading
import time
from pathlib import Path

RUN, LOCK = "KEIZOKU_RUN_PROCESS", "KEIZOKU_DBT_LOCK"


def _end_with(run: int) -> None:
    while os.getppid() == run:
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGKILL)


def _without_debug_events() -> None:
    """Drop what dbt says for its own debugging: it words every statement before it asks whether anybody listens."""
    from dbt_common.events.base_types import EventLevel
    from dbt_common.events.event_manager import EventManager

    fire_event = EventManager.fire_event

    def fire_event_of_interest(self, event, level=None, **options) -> None:
        if (level or event.level_tag()) != EventLevel.DEBUG:
            fire_event(self, event, level=level, **options)

    EventManager.fire_event = fire_event_of_interest


def main() -> int:
    """Run dbt with the arguments of this process."""
    run, lock = os.environ.get(RUN), os.environ.get(LOCK)
    if run and lock:
        held = Path(lock).open("a")  # noqa: SIM115  held until the process ends
        fcntl.flock(held, fcntl.LOCK_EX)
        if os.getppid() != int(run):
            return 1
        threading.Thread(target=_end_with, args=(int(run),), daemon=True).start()
    from dbt.cli.main import cli

    _without_debug_events()
    # dbt keeps what it parsed until it ends: looking for garbage in it takes a tenth of the time.
    gc.freeze()
    gc.set_threshold(100_000)
    return cli()


if __name__ == "__main__":
    sys.exit(main())
