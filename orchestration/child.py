"""dbt as a run starts it, and what ties such a process to its run.

It ends when its run does, even when that is killed, and never meets the next run: the build folder is no place for two,
and a dbt left behind would go on writing beside the one of the next run.
"""

import atexit
import fcntl
import gc
import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

RUN, LOCK, WAIT = "KEIZOKU_RUN_PROCESS", "KEIZOKU_DBT_LOCK", "--wait"
LAST_ORDER = "last_order.json"


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


def _without_detours() -> None:
    """Make shorter what dbt does for every node and statement; what comes of it stays the same."""
    from dbt.clients.jinja import MacroGenerator
    from dbt.context.macros import MacroNamespace
    from dbt_common.clients import agate_helper

    def remember(self, macro, context=None, node=None, stack=None) -> None:
        self.macro, self.context, self.node, self.stack = macro, context, node, stack

    def found(self) -> dict:
        if "_found" not in vars(self):
            self._found = {}
            for names in reversed([*self._search_order()]):
                self._found |= names
        return self._found

    # Six hundred macros, twice a node: one call each to make them, one dictionary to find them in.
    MacroGenerator.__init__ = remember
    MacroNamespace.keys = lambda self: found(self).keys()
    MacroNamespace.__getitem__ = lambda self, name: found(self)[name]
    # A statement without rows: the same empty table for all of them, which nobody changes.
    agate_helper.empty_table = cache(agate_helper.empty_table)


def _begin_as_last_time(target: Path) -> list[str]:
    """Arguments of a dbt that begins before it is told what to do, from what it was told last time.

    It gets as far as the database and opens that when it is told the same; told anything else, it starts anew. Without
    a last time, or a project that was parsed here, it waits at once: the run has the parsing done once for all.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager as Connections

    file, environment = target / LAST_ORDER, dict(os.environ)

    def order() -> tuple[list[str], dict[str, str]]:
        """Wait for the run's word, remember it for the next one, and give arguments and what they add to settings."""
        told = json.loads(sys.stdin.readline() or "{}")
        if not told:  # the run has ended before its dbt began
            os._exit(1)
        arguments, settings = told["arguments"], told["environment"]
        added = {name: value for name, value in settings.items() if environment.get(name) != value}
        target.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps([arguments, added]), encoding="utf-8")
        return arguments, added

    last = None
    if (target / "partial_parse.msgpack").is_file():
        with suppress(OSError, ValueError):
            arguments, added = json.loads(file.read_text(encoding="utf-8"))
            last = arguments, added
    if last is None:
        last = order()
    else:
        was_told, told_once, opened = threading.Event(), threading.Lock(), Connections.open

        def open_when_told(_, connection):
            with told_once:
                if not was_told.is_set():
                    arguments, added = order()
                    if (arguments, added) != last:
                        os.execve(  # noqa: S606  itself, with what the run says
                            sys.executable, [sys.executable, "-P", __file__, *arguments], environment | added
                        )
                    was_told.set()
            return opened(connection)

        Connections.open = classmethod(open_when_told)
    arguments, added = last
    os.environ.update(added)
    return arguments


def main() -> None:
    """Run dbt with the arguments of this process; with --wait, with those that standard input brings."""
    if not tie_to_run():
        sys.exit(1)
    # dbt keeps nearly all that it makes until it ends: looking for garbage in it takes a tenth of the time.
    gc.disable()
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.cli.main import dbtRunner

    _without_debug_events()
    _without_detours()
    target, arguments = Path(os.environ.get("DBT_TARGET_PATH", "target")), sys.argv[1:]
    if arguments == [WAIT]:
        arguments = _begin_as_last_time(target)
    # The results are all that a run reads of what dbt would write: its manifest takes a second, and stands in target/.
    result = dbtRunner().invoke(["--no-write-json", *arguments])
    if isinstance(result.result, RunExecutionResult):
        result.result.write(str(target / "run_results.json"))
    if result.exception:
        print(result.exception)
    # All is closed as at any end; but Python would take seconds to take apart what dbt has made.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(2 if result.exception else int(not result.success))


if __name__ == "__main__":
    main()
