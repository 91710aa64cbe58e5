"""`keizoku rollback`: show readers an earlier publication again."""

import argparse

from orchestration.cli.output import complain, say
from orchestration.operations.lock import LockedError, writing
from orchestration.publication.heal import heal
from orchestration.publication.history import FILE, HistoryError, current, roll_back
from orchestration.settings import SettingsError, read_settings


def main(arguments: list[str]) -> int:
    """Roll back; 0 only when readers see the publication that was asked for."""
    parser = argparse.ArgumentParser(prog="keizoku rollback", description=roll_back.__doc__)
    parser.add_argument("--to", metavar="PUBLICATION", help="one that is kept; without it, the one before")
    options = parser.parse_args(arguments)
    try:
        home = read_settings().home
        with writing(home, "rollback"):
            was_lost = current(home / "published") is None
            for line in heal(home / "published"):
                complain(f"Healed: {line}")
            name = current(home / "published") if was_lost and not options.to else None
            name = name or roll_back(home, options.to)
    except (HistoryError, LockedError, SettingsError, OSError) as error:
        complain(f"Nothing was rolled back. {error}")
        return 1
    say(f"Published again: {name}\n  {home / 'published' / FILE}")
    return 0
