"""The one command of the project: `keizoku <command>`, which the make targets call."""

import sys
from importlib import import_module

from orchestration.cli.output import complain, end, prepare, say

# Command: module of this folder, function, what it does. Loaded when called: Dagster alone takes seconds.
COMMANDS = {
    "run": ("run", "main", "refresh: land, recompute, build, check and publish"),
    "status": ("status", "main", "say what is published, from which data, what is kept, what went wrong last"),
    "rollback": ("rollback", "main", "publish again what was published before"),
    "close": ("close", "main", "lock what is published of a month, for good"),
    "reopen": ("close", "reopen", "open a closed month again, on record"),
    "daemon": ("services", "daemon", "refresh every day and when raw files arrive, until stopped"),
    "ui": ("services", "ui", "open Dagster on http://127.0.0.1:3000"),
    "ask": ("ask", "main", "answer a question of analyses/ from the published file; without a name, list them"),
    "demo": ("demo", "main", "write the demo company"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; give its exit status, 2 for one that there is not."""
    called, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if called in ("-h", "--help"):
        say("usage: keizoku <command> [--help | arguments]\n")
        say("\n".join(f"  {name:<10} {text}" for name, (_, _, text) in COMMANDS.items()))
        return 0
    if called not in COMMANDS:
        complain(f"keizoku: there is no command {called!r}; there are {', '.join(COMMANDS)}.")
        return 2
    module, function, _ = COMMANDS[called]
    return int(getattr(import_module(f"orchestration.cli.{module}"), function)(rest))


def console_script() -> None:
    """Run the command of this process and end it."""
    prepare()
    end(main())


if __name__ == "__main__":
    console_script()
