"""What went wrong, in plain words: kept for `make status`, and sent to the webhook when there is one."""

from __future__ import annotations

import errno
import http.client
import json
import logging
import os
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING, Any

from orchestration.settings import Settings, saved_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dagster._utils.error import SerializableErrorInfo

log = logging.getLogger("keizoku")

SECONDS = 10
LONGEST_MESSAGE = 2_000
MOST_CHECKS = 50
OUR_ERRORS = {
    "SettingsError", "LockedError", "LandingError", "RecomputeError", "RawFileError", "MissingRateError",
    "DbtError", "PublicationError", "HistoryError", "RetryRequested",
}  # fmt: skip
# Dagster's own, around what a step or the lock of a run said.
WRAPPERS = {"DagsterExecutionStepExecutionError", "DagsterResourceFunctionError"}
PASSING = {
    errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENETDOWN, errno.ENETRESET,
    errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET,
}  # fmt: skip
BUILD_IS_OPEN_ELSEWHERE = "Could not set lock on file"
NO_ROOM = ("No space left", "disk is full", "Disk quota exceeded", "File too large")


def report(
    home: Path,
    message: str,
    *,
    build_id: str | None = None,
    as_of_date: object = None,
    checks: Iterable[Any] = (),
    retry: dict[str, Any] | None = None,
    is_told: bool = False,
) -> None:
    """Keep why a run failed, and when it is tried again; tell the webhook, unless it was told before."""
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    # A full or missing folder may not hide the message itself.
    with suppress(OSError):
        kept = {"at": at, "build_id": build_id, "message": message, "retry": retry}
        _file(home).write_text(json.dumps(kept), encoding="utf-8")
    if is_told:
        return
    _send("run_failed", at, home, f"the run failed. {message}", message, build_id, as_of_date, checks)


def warn(settings: Settings, checks: list[tuple[str, str, str | None]], withheld: str = "") -> None:
    """Tell the webhook which checks of what was just published warned, what is withheld first."""
    if checks:
        found = " ".join(message or "" for _, _, message in checks[:MOST_CHECKS])
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        message = f"Published with warnings. {withheld}\n{found}" if withheld else f"Published with warnings. {found}"
        _send("checks_warned", at, settings.home, message, message, settings.build_id, settings.as_of_date, checks)


def last(home: Path) -> dict[str, Any] | None:
    """The failure of the last run; None when it published."""
    try:
        failure = json.loads(_file(home).read_text(encoding="utf-8"))
        retry = failure["retry"] and {name: failure["retry"][name] for name in ("run_id", "attempt", "not_before")}
        return {name: failure[name] for name in ("at", "build_id", "message")} | {"retry": retry}
    except (OSError, ValueError, KeyError, TypeError):  # torn
        return None


def forget(home: Path) -> None:
    """A run has published: the failure before it is history."""
    with suppress(OSError):
        _file(home).unlink()


def causes(failed_steps: Iterable[tuple[str, SerializableErrorInfo | None]]) -> list[str]:
    """The causes of a failed run, in the words of what failed."""
    from orchestration.warehouse.differences import find_differences  # DuckDB takes a while to load

    found: list[str] = []
    for step, error in failed_steps:
        while error and error.cause and error.cls_name in WRAPPERS:
            error = error.cause
        if error is None:
            continue
        message = error.message.split(": ", 1)[-1].strip()
        if error.cls_name == "DagsterAssetCheckFailedError":
            if not found:
                found.append("\n".join(["SQL and Python disagree:", *find_differences(saved_settings().build_file)]))
        else:
            # An error that nobody foresaw says little without its kind and place.
            is_ours = error.cls_name in OUR_ERRORS
            found.append(message if is_ours else f"Step {step} stopped with {error.cls_name}: {message}")
    return found


def passes_in_time(error: SerializableErrorInfo | None) -> bool:
    """Whether a cause is gone in minutes or hours by itself, or when somebody makes room: a held lock, a full disk."""
    passing = (*NO_ROOM, BUILD_IS_OPEN_ELSEWHERE, *(f"[Errno {number}]" for number in PASSING))
    while error:
        if error.cls_name == "LockedError" or any(words in error.message for words in passing):
            return True
        error = error.cause
    return False


def in_plain_words(text: str, home: Path) -> str:
    """Say where room is missing when that is the fault; else the text as it is."""
    if not any(words in text for words in NO_ROOM):
        return text
    folder = min((home, Path(tempfile.gettempdir())), key=lambda place: disk_usage(place).free)
    free = disk_usage(folder).free / 2**20
    return f"The disk is full: {folder} has {free:,.0f} MB left. Free space there and run again.\n{text}"


def _file(home: Path) -> Path:
    return home / "failure.json"


def _send(
    event: str,
    at: str,
    home: Path,
    text: str,
    message: str,
    build_id: str | None,
    as_of_date: object,
    checks: Iterable[Any],
) -> None:
    """POST one alert as JSON. Whatever the other side does, a run goes on; its address, a secret, is never shown."""
    url = os.environ.get("KEIZOKU_WEBHOOK_URL")
    if not url:
        return
    body = {
        "text": f"Keizoku: {text}"[:LONGEST_MESSAGE],
        "event": event,
        "at": at,
        "home": str(home),
        "build_id": build_id,
        "as_of_date": None if as_of_date is None else str(as_of_date),
        "message": message[:LONGEST_MESSAGE],
        "checks": [
            {"name": name, "status": status, "message": (found or "")[:LONGEST_MESSAGE]}
            for name, status, found in list(checks)[:MOST_CHECKS]
        ],
    }
    try:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise ValueError("not an http address")
        request = urllib.request.Request(  # noqa: S310  the scheme was checked
            url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=SECONDS) as answer:
            answer.read(0)
    except urllib.error.HTTPError as error:
        log.warning("The webhook did not take the alert: it answered %s.", error.code)
    except (OSError, ValueError, http.client.HTTPException) as error:
        # The words of some of these errors repeat the address.
        log.warning("The webhook could not be told (%s). Check KEIZOKU_WEBHOOK_URL.", type(error).__name__)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An alert goes where the setting says and nowhere else."""

    def redirect_request(self, *_: object) -> None:
        """Refuse."""
