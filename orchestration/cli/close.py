"""`keizoku close` and `keizoku reopen`: lock what is published of a month, or open it again, and publish."""

import argparse
from datetime import date

import duckdb

from orchestration.cli import run
from orchestration.cli.output import complain, say
from orchestration.closing import store
from orchestration.closing.close import ClosingError, close_month, parse_day, parse_month, reopen_month, signature
from orchestration.operations.lock import LockedError, writing
from orchestration.settings import SettingsError, read_settings


def main(arguments: list[str]) -> int:
    """Close a month and publish; 0 only when both are done."""
    parser = _parser("close", "Lock what is published of a month, for good, and publish.")
    parser.add_argument("--data-through", default="", metavar="DAY", help="last day that the data covers, by your word")
    return _record("close", parser.parse_args(arguments))


def reopen(arguments: list[str]) -> int:
    """Open a closed month again and publish; 0 only when both are done."""
    parser = _parser("reopen", "Open a closed month again, on record, and publish.")
    parser.add_argument("--reason", default="", help="why it is reopened")
    return _record("reopen", parser.parse_args(arguments))


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"keizoku {command}", description=description)
    parser.add_argument("month", metavar="MONTH", help="such as 2026-10")
    parser.add_argument("--by", default="", metavar="NAME", help="who does it (default: the user of this machine)")
    parser.add_argument("--approved-by", default="", metavar="NAME", help="who approved it")
    return parser


def _record(action: str, options: argparse.Namespace) -> int:
    word = "closed" if action == "close" else "reopened"
    try:
        home = read_settings().home
        month, signed = parse_month(options.month), signature(options.by, options.approved_by)
        with writing(home, action):
            if action == "close":
                entry = close_month(home, month, signed, parse_day(options.data_through))
            else:
                entry = reopen_month(home, month, options.reason, signed)
            say(f"{month:%Y-%m} is {word}: build {entry.build_id}, entry {entry.entry_number}, hash {entry.row_hash}")
            say(f"By {entry.made_by}" + (f", approved by {entry.approved_by}." if entry.approved_by else "."))
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
