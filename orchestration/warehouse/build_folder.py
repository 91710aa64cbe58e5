"""The private build folder of KEIZOKU_HOME: what the steps of a run leave there for one another, and its cleaning."""

import json
import logging
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.landing.files import Fingerprint, delivered
from orchestration.landing.landing import LandedReport, changed_files
from orchestration.operations.folders import make_private
from orchestration.publication import history
from orchestration.publication.heal import heal
from orchestration.publication.publish import PublicationError
from orchestration.settings import Settings, SettingsError

log = logging.getLogger("keizoku")

UNFINISHED_DEMO_HOURS = 6


def clean(settings: Settings) -> None:
    """Remove what earlier runs left: the last build, and the unfinished outputs of those that died."""
    for line in heal(settings.home / "published"):
        log.warning("  healed      %s", line)
    history.clean(settings.home / "published")
    make_private(settings.build)
    for entry in settings.build.iterdir():
        # dbt's parsed project saves it seconds; a broken one it makes anew. The log is this run's.
        if entry == settings.dbt_target and entry.is_dir():
            for artefact in entry.iterdir():
                if artefact.name != "partial_parse.msgpack":
                    _remove(artefact)
        elif entry.name != "refresh.log":
            _remove(entry)
    for leftover in (".unfinished", ".previous"):
        folder = settings.raw.with_name(f".{settings.raw.name}{leftover}")
        # Making the demo takes no lock: what was written to lately may still be in the making.
        if settings.raw.is_dir() and folder.is_dir() and _hours_untouched(folder) > UNFINISHED_DEMO_HOURS:
            shutil.rmtree(folder, ignore_errors=True)


def remember_raw(settings: Settings, report: LandedReport) -> None:
    """Keep what the raw files looked like when they were landed."""
    _write(settings, "landed.json", [asdict(fingerprint) for fingerprint in report.fingerprints])


def remember_tables(settings: Settings, report: LandedReport, tables: Collection[str]) -> None:
    """Keep what the files of some tables look like that were landed again; nothing is built from them yet."""
    others = [file for file in landed_files(settings) if not tables_of(file) & set(tables)]
    again = [file for file in report.fingerprints if tables_of(file) & set(tables)]
    _write(settings, "landed.json", [asdict(file) for file in (*others, *again)])
    _write(settings, "results.json", {})


def tables_of(file: Fingerprint) -> set[str]:
    """The raw table that a file belongs to."""
    return set(delivered((file,)))


def landed_files(settings: Settings) -> tuple[Fingerprint, ...]:
    """What the raw files of this build looked like; raise SettingsError when they were not all landed."""
    landed = _read(settings, "landed.json")
    if landed is None:
        raise SettingsError(f"Build {settings.build_id} was never landed. Run the whole refresh.")
    return tuple(Fingerprint(**entry) for entry in landed)


def stop_when_raw_changed(settings: Settings, error: BaseException | None = None) -> None:
    """Raise PublicationError with the names of the raw files that are not as they were landed."""
    changed = changed_files(LandedReport(settings.raw, (), (), landed_files(settings)))
    if changed:
        raise PublicationError(
            f"Raw files changed while the run read them: {', '.join(changed)}. Run again when they are complete."
        ) from error


@contextmanager
def timed(settings: Settings, step: str) -> Iterator[None]:
    """Note when a step started and how long it took."""
    started, at = time.monotonic(), datetime.now(UTC)
    yield
    steps = _read(settings, "steps.json") or {}
    _write(settings, "steps.json", steps | {step: (at.isoformat(), time.monotonic() - started)})


def step_times(settings: Settings) -> list[tuple[str, datetime, float]]:
    """Name, start and seconds of the steps of this build so far."""
    steps = _read(settings, "steps.json") or {}
    return [(name, datetime.fromisoformat(at), seconds) for name, (at, seconds) in steps.items()]


def remember_results(settings: Settings, results: list[dict[str, Any]]) -> None:
    """Keep what a dbt invocation said of its nodes. A build may take several: steps that are run again."""
    latest = {
        result["node"]: {name: result[name] for name in ("name", "status", "message", "failures")} for result in results
    }
    _write(settings, "results.json", build_results(settings) | latest)


def build_results(settings: Settings) -> dict[str, dict[str, Any]]:
    """The latest result (name, status, message, failures) of every node that has run in this build."""
    results: dict[str, dict[str, Any]] = _read(settings, "results.json") or {}
    return results


def _read(settings: Settings, name: str) -> Any:
    """What a file of the build holds; None when it is missing, or broken because its writer died."""
    try:
        return json.loads((settings.build / name).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def _write(settings: Settings, name: str, content: object) -> None:
    (settings.build / name).write_text(json.dumps(content), encoding="utf-8")


def _hours_untouched(folder: Path) -> float:
    newest = max(entry.stat().st_mtime for entry in [folder, *folder.rglob("*")])
    return (time.time() - newest) / 3600


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()
