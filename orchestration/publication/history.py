"""The publications that are kept, which of them readers see, and the way back: `make rollback`.

    published/history/<name>/     one folder a publication, complete before it gets its name: file, reports
    published/current             link to one of them: what readers see. Replacing it is the one step of a switch
    published/keizoku.duckdb      link to current/keizoku.duckdb, made once; so for every other output
    published/publications.jsonl  what was switched to, and when

The record is written just before the switch, and counts only when `current` points where it says: a switch without
its record cannot be, and a record whose switch did not happen is dropped by the next one.

What became of this folder elsewhere, such as a copy by a tool that follows links, heal.py puts right.
"""

import json
import os
import shutil
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.warehouse.database import attached

FILE = "keizoku.duckdb"
RECORD = "publications.jsonl"


class HistoryError(Exception):
    """Why the publication that was asked for cannot be switched to."""


def current(published: Path) -> str | None:
    """Name of the publication that readers see."""
    shown = published / "current"
    if shown.is_symlink():
        name = shown.readlink().name
        return name if (published / "history" / name).is_dir() else None
    if not shown.is_dir():
        return None
    # A copy by a tool that follows links.
    made_of = identify(shown)
    if made_of is None:
        return None
    same = [name for name in kept(published) if name.split(".")[0] == made_of[0]]
    named = [entry["publication"] for entry in recorded(published)[0] if entry["publication"] in same]
    return str([made_of[0], *same, *named][-1])


def identify(publication: Path) -> tuple[str, date] | None:
    """Build id and as-of date of a publication's folder; None when its file is missing or cannot be read."""
    file = publication / FILE
    if not file.is_file():
        return None
    try:
        with attached(file, read_only=True) as connection:
            ((blocks,),) = connection.execute(
                "select block_size * total_blocks from pragma_database_size() where database_name = current_database()"
            ).fetchall()
            if file.stat().st_size < blocks:  # torn where nothing has been read yet
                return None
            return connection.execute("select build_id, as_of_date from audit.publication").fetchone()
    except duckdb.Error:
        return None


def kept(published: Path) -> list[str]:
    """Names of the publications that are kept, oldest first."""
    history = published / "history"
    if not history.is_dir():
        return []
    return sorted(entry.name for entry in history.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def records(published: Path) -> list[dict[str, Any]]:
    """Every switch that happened, oldest first: at, action, publication, and what the action adds."""
    entries, _ = recorded(published)
    if entries and entries[-1]["publication"] != current(published):
        entries.pop()
    return entries


def recorded(published: Path) -> tuple[list[dict[str, Any]], int]:
    """Every line of the record, and how many there are besides that are torn."""
    log = published / RECORD
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    entries = [entry for entry in map(_parsed, lines) if entry]
    return entries, len(lines) - len(entries)


def _parsed(line: str) -> dict[str, Any] | None:
    """A line of the record; None when it is torn."""
    try:
        entry = json.loads(line)
        datetime.fromisoformat(entry["at"])
        return entry if all(isinstance(entry[name], str) for name in ("action", "publication")) else None
    except (ValueError, KeyError, TypeError):
        return None


def begin(published: Path, build_id: str) -> Path:
    """Make the folder in which the outputs of a publication are put together, out of readers' sight."""
    making = published / "history" / f".{build_id}.unfinished"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    return making


def commit(making: Path, build_id: str, keep: int, **about: object) -> str:
    """Make a complete folder what readers see, in one step, and forget the publications beyond `keep`."""
    history = making.parent
    published = history.parent
    for folder in (published, history):
        folder.chmod(0o755)
    for entry in [making, *making.rglob("*")]:
        entry.chmod(0o755 if entry.is_dir() else 0o444)
        sync(entry)
    # A build that is published again, after some of its steps ran again, is another publication.
    names = [build_id, *(f"{build_id}.{number}" for number in range(2, 1000))]
    name = next(name for name in names if not (history / name).exists())
    making.rename(history / name)
    sync(history)
    switch(published, name, "published", build_id=build_id, **about)
    _prune(published, keep)
    return name


def switch(published: Path, name: str, action: str, **about: object) -> None:
    """Let readers see another publication: all its outputs at once, and recorded."""
    outputs = [entry.name for entry in (published / "history" / name).iterdir()]
    for output in outputs:  # they lead nowhere until `current` does
        if not os.path.lexists(published / output):
            link(published / output, f"current/{output}")
    entry = {"at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "action": action, "publication": name, **about}
    write_records(published, [*records(published), entry])
    link(published / "current", f"history/{name}")
    for output in outputs:  # a file from before there was a history
        if not (published / output).is_symlink():
            link(published / output, f"current/{output}")


def write_records(published: Path, entries: list[dict[str, Any]]) -> None:
    """Replace the record of switches."""
    lines = [json.dumps(entry, ensure_ascii=False) for entry in entries]
    _replace(published / RECORD, "\n".join(lines) + "\n")


def roll_back(home: Path, to: str | None = None) -> str:
    """Show readers an earlier publication again: the one before, or `to`. Gives its name."""
    published = home / "published"
    names, now = kept(published), current(published)
    if now is None:
        raise HistoryError("Nothing is published: there is nothing to roll back.")
    listed = ", ".join(names)
    if to is None:
        earlier = [name for name in names if name < now and identify(published / "history" / name)]
        if not earlier:
            raise HistoryError(f"No publication that can be read is kept from before {now}. Kept: {listed}.")
        to = earlier[-1]
    if to not in names:
        raise HistoryError(f"{to!r} is not a publication that is kept. Kept: {listed}.")
    if to == now:
        raise HistoryError(f"{to} is what is published already.")
    made_of = identify(published / "history" / to)
    if made_of is None:
        raise HistoryError(f"The file of {to} is missing or cannot be read. Kept: {listed}.")
    build_id, as_of = made_of
    switch(published, to, "rolled back", build_id=build_id, as_of_date=str(as_of), instead_of=now)
    return to


def clean(published: Path) -> None:
    """Remove what dead runs left, as far as it lets itself be removed. Only under the lock."""
    for folder in (published, published / "history"):
        for entry in folder.glob(".*"):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                with suppress(OSError):  # a network disk keeps .nfs… while a reader has the old file open
                    entry.unlink()


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prune(published: Path, keep: int) -> None:
    history = published / "history"
    for name in kept(published)[:-keep]:
        if name != current(published):
            dead = history / f".{name}.old"
            with suppress(OSError):  # what is published is published; the next run cleans up
                (history / name).rename(dead)
                shutil.rmtree(dead)


def link(place: Path, target: str) -> None:
    """Make a link, in one step where another one or a file stood."""
    new = place.with_name(f".{place.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(place)
    sync(place.parent)


def _replace(place: Path, text: str) -> None:
    new = place.with_name(f".{place.name}.new")
    new.unlink(missing_ok=True)
    new.write_text(text, encoding="utf-8")
    new.chmod(0o444)
    sync(new)
    new.replace(place)
    sync(place.parent)
