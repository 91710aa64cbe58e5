"""Put `published/` in order again: after a copy by a tool that follows links, a torn file, a part that was lost.

Nothing that readers can still see is taken away, and no figure is made here. Only under the lock.
"""

import os
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.publication import history


def heal(published: Path) -> list[str]:
    """Make the folder what history.py says it is; say in a line each what was put right, or cannot be."""
    if not os.path.lexists(published):
        return []
    told = []
    for folder in (published, published / "history"):
        if os.path.lexists(folder) and not folder.is_dir():
            told.append(f"{_put_aside(folder)} is what stood in the place of the folder {folder.name}.")
    readable = [name for name in history.kept(published) if history.identify(published / "history" / name)]
    told += [
        f"{published / 'history' / name} cannot be read; a rollback passes it over."
        for name in history.kept(published)
        if name not in readable
    ]
    told += _heal_current(published, readable)
    now = history.current(published)
    if now is None:
        return told
    told += _heal_record(published, now)
    told += _heal_outputs(published, now)
    _open_to_readers(published)
    return told


def _heal_current(published: Path, readable: list[str]) -> list[str]:
    """Let `current` be the link that it was."""
    place, now = published / "current", history.current(published)
    if now is not None and place.is_symlink():
        if str(place.readlink()) != f"history/{now}":
            history.link(place, f"history/{now}")
            return [f"{place} led out of this folder; it leads to {now} of this one again."]
        return []
    if now is not None:  # a folder: a copy of the publication that readers see
        if not (published / "history" / now).is_dir():
            (published / "history").mkdir(exist_ok=True)
            place.rename(published / "history" / now)
        _replace_by_link(place, f"history/{now}")
        return [f"{place} was a copy; it is a link to {now} again."]
    recorded = [entry["publication"] for entry in history.recorded(published)[0] if entry["publication"] in readable]
    newest = [*readable, *recorded]
    if os.path.lexists(place) and not place.is_symlink():
        _put_aside(place)
    if not newest:
        return []
    history.link(place, f"history/{newest[-1]}")
    return [f"{place} was lost; readers see {newest[-1]} again."]


def _heal_record(published: Path, now: str) -> list[str]:
    """Let the record be whole lines, with every publication that is kept, the one that readers see last."""
    entries, torn = history.recorded(published)
    known = {entry["publication"] for entry in entries}
    # A newer one without a record was never switched to.
    lost = [name for name in history.kept(published) if name not in known and name <= now]
    if not torn and not lost:
        return []
    whole = sorted([*(_found(published, name) for name in lost if name != now), *entries], key=_at)
    if not whole or whole[-1]["publication"] != now:
        again = _found(published, now)
        whole.append(again | {"at": max([again, *whole[-1:]], key=_at)["at"]})
    history.write_records(published, whole)
    told = [f"{torn} torn, left out"] * bool(torn) + [f"{len(lost)} lost, made anew"] * bool(lost)
    return [f"{published / history.RECORD} is whole again: lines {', '.join(told)}."]


def _at(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"]).astimezone(UTC)


def _found(published: Path, name: str) -> dict[str, Any]:
    """What can still be said of a publication whose record is lost."""
    folder = published / "history" / name
    build_id, as_of_date = history.identify(folder) or (name.split(".")[0], None)
    try:
        at = datetime.strptime(build_id[:15], "%Y%m%dT%H%M%S")
    except ValueError:
        at = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    entry = {"at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "action": "recovered", "publication": name, "build_id": build_id}
    return entry | ({"as_of_date": str(as_of_date)} if as_of_date else {})


def _heal_outputs(published: Path, now: str) -> list[str]:
    """Let every output be the link that it was."""
    wrong = []
    for output in sorted(entry.name for entry in (published / "history" / now).iterdir()):
        place, target = published / output, f"current/{output}"
        if not (place.is_symlink() and str(place.readlink()) == target):
            wrong.append(output)
            _replace_by_link(place, target)
    return [f"{', '.join(wrong)} in {published}: links to {now} again."] if wrong else []


def _open_to_readers(published: Path) -> None:
    """Let everybody read what is published, as far as it is ours."""
    ours = [published, published / "history", *(published / "history").rglob("*"), *published.glob(history.RECORD)]
    for entry in ours:
        mode = 0o755 if entry.is_dir() else 0o444
        if not entry.is_symlink() and not entry.name.startswith(".") and entry.stat().st_mode & 0o777 != mode:
            with suppress(OSError):
                entry.chmod(mode)


def _replace_by_link(place: Path, target: str) -> None:
    """Put a link where a file, another link or a folder stands."""
    if place.is_dir() and not place.is_symlink():
        old = place.with_name(f".{place.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        place.rename(old)
        history.link(place, target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        history.link(place, target)


def _put_aside(place: Path) -> Path:
    """Give what is of no use here another name beside it."""
    aside = place.with_name(f"{place.name}.broken")
    if aside.is_dir() and not aside.is_symlink():
        shutil.rmtree(aside)
    else:
        aside.unlink(missing_ok=True)
    return place.rename(aside)
