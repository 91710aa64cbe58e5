"""`keizoku close` and `keizoku reopen`: lock what is published of a month, or open it again, and publish."""

import argparse
from datetime import date

import duckdb

from orchestration.cli import run
from orchestration.cli.output import complain, say
from orchestration.closing import store
from orchestration.closing.close import ClosingError, close_month, parse_month, reopen_month
from orchestration.operations.lock import LockedError, writing
from orchestration.settings import SettingsError, read_settings


def main(arguments: list[str]) -> int:
    """Close a month and publish; 0 only when both are done."""
    options = _parser("close", "Lock what is published of a month, for good, and publish.").parse_args(arguments)
    return _record(options.month, "close", "")


def reopen(arguments: list[str]) -> int:
    """Open a closed month again and publish; 0 only when both are done."""
    parser = _parser("reopen", "Open a closed month again, on record, and publish.")
    parser.add_argument("--reason", default="", help="why it is reopened")
    options = parser.parse_args(arguments)
    return _record(options.month, "reopen", options.reason)


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"keizoku {command}", description=description)
    parser.add_argument("month", metavar="MONTH", help="such as 2026-10")
    return parser


def _record(text: str, action: str, reason: str) -> int:
    word = "closed" if action == "close" else "reopened"
    try:
        home = read_settings().home
        month = parse_month(text)
        with writing(home, action):
            entry = close_month(home, month) if action == "close" else reopen_month(home, month, reason)
            say(f"{month:%Y-%m} is {word}: build {entry.build_id}, entry {entry.entry_number}, hash {entry.row_hash}")
            return _show(month, word)
    except (ClosingError, store.StateError, LockedError, SettingsError, OSError, duckdb.Error) as error:
        complain(f"Nothing was {word}. {error}")
        return 1


def _show(month: date, word: str) -> int:
    """Publish, so that readers see what was done; it is done whatever becomes of that."""
    status = run.main([])
    if status:
        complain(f"{month:%Y-%m} is {word} all the same; the next publication shows it (`make run`).")
    return status
