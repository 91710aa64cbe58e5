"""dbt as a run starts it, and what ties such a process to its run.

It ends when its run does, even when that is killed, and never meets the next run: the build folder is no place for two,
and a dbt left behind would go on writing beside the one of the next run.
"""

import fcntl
import gc
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

RUN, LOCK, WAIT = "KEIZOKU_RUN_PROCESS", "KEIZOKU_DBT_LOCK", "--wait"


def tied_to_this_process(lock: Path) -> dict[str, str]:
    """What a process that this one starts must find in its environment to be tied to it."""
    return {RUN: str(os.getpid()), LOCK: str(lock)}


def tie_to_run() -> bool:
    """End with the run that started this process, and keep the next run waiting until then; False when it is gone."""
    run, lock = os.environ.get(RUN), os.environ.get(LOCK)
    if run and lock:
        held = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_APPEND)  # until the process ends
        fcntl.flock(held, fcntl.LOCK_SH)
        if os.getppid() != int(run):
            return False
        threading.Thread(target=_end_with, args=(int(run),), daemon=True).start()
    return True


def _end_with(run: int) -> None:
    while os.getppid() == run:
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGKILL)


def _without_debug_events() -> None:
    """Drop what dbt says for its own debugging: it words every statement before it asks whether anybody listens."""
    from dbt_common.events.base_types import DebugLevel, EventLevel
    from dbt_common.events.event_manager import EventManager

    fire_event = EventManager.fire_event

    def leave_unworded(self, *_, **__) -> None:
        self.pb_msg = getattr(self.PROTO_TYPES_MODULE, type(self).__name__)()

    def fire_event_of_interest(self, event, level=None, **options) -> None:
        if (level or event.level_tag()) != EventLevel.DEBUG:
            fire_event(self, event, level=level, **options)

    DebugLevel.__init__, EventManager.fire_event = leave_unworded, fire_event_of_interest


def main() -> int:
    """Run dbt with the arguments of this process; with --wait, with those that standard input brings."""
    if not tie_to_run():
        return 1
    # dbt keeps what it parsed until it ends: looking for garbage in it takes a tenth of the time.
    gc.disable()
    from dbt.cli.main import dbtRunner

    _without_debug_events()
    arguments, manifest = sys.argv[1:], None
    if arguments == [WAIT]:
        # Of a project that was never parsed here, the run has the parsing done once for all who need it.
        if Path(os.environ["DBT_TARGET_PATH"], "partial_parse.msgpack").is_file():
            manifest = dbtRunner().invoke(["--quiet", "--no-write-json", "parse"]).result
        order = json.loads(sys.stdin.readline() or "{}")
        if not order:
            return 1
        arguments = order["arguments"]
        os.environ.update(order["environment"])
    gc.freeze()
    gc.enable()
    gc.set_threshold(100_000)
    result = dbtRunner(manifest=manifest).invoke(arguments)
    if result.exception:
        print(result.exception, flush=True)
        return 2
    return int(not result.success)


if __name__ == "__main__":
    sys.exit(main())
