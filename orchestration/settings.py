"""The settings of one run, read from the environment once. The only place that reads the clock."""

import csv
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

PROJECT = Path(__file__).resolve().parents[1]


# Settings that are numbers: name, default, least.
LOCK_WAIT = ("KEIZOKU_LOCK_WAIT", 60, 0)  # seconds
LOOK_EVERY = ("KEIZOKU_LOOK_EVERY", 60, 1)  # seconds between two looks of the daemon
TIMEOUT = ("KEIZOKU_TIMEOUT", 4 * 3600, 1)  # seconds
KEEP = ("KEIZOKU_KEEP", 7, 2)  # publications


# Beside the demo's tables: the day on which it ends.
COMPANY_FILE = "company.json"


class SettingsError(Exception):
    """A setting that cannot be used; the message names it and the remedy."""


@dataclass(frozen=True)
class Settings:
    """Where a run reads and writes, and the day, zone and currency it reports in."""

    raw: Path
    home: Path
    as_of_date: date
    time_zone: str
    currency: str
    build_id: str
    accept_rejects: bool = False
    is_simulation: bool = False  # the as-of date had not come when the run began

    @property
    def started_at(self) -> datetime:
        """When the run began (UTC), as its build id says."""
        return datetime.strptime(self.build_id[:15], "%Y%m%dT%H%M%S")

    @property
    def build(self) -> Path:
        """Private folder of the run: the build database and what is made on the way."""
        return self.home / "build"

    @property
    def build_file(self) -> Path:
        """The private build database; readers never open it."""
        return self.build / "keizoku.duckdb"

    @property
    def published_file(self) -> Path:
        """The file that readers open."""
        return self.home / "published" / "keizoku.duckdb"

    @property
    def run_file(self) -> Path:
        """What this run was started with; later steps of it read this, so that all use the same settings."""
        return self.build / "run.json"

    @property
    def dbt_target(self) -> Path:
        """Where dbt leaves its artefacts."""
        return self.build / "target"


def read_settings(environment: dict[str, str] | None = None) -> Settings:
    """Read KEIZOKU_* from the environment; raise SettingsError for what cannot be used."""
    env = os.environ if environment is None else environment
    home = home_folder(env)
    raw = _folder(env, "KEIZOKU_RAW", PROJECT / "data" / "raw")
    time_zone = env.get("KEIZOKU_TIMEZONE") or "Asia/Tokyo"
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError(
            f"KEIZOKU_TIMEZONE={time_zone!r} is not a time zone; use a name such as Asia/Tokyo or UTC."
        ) from error
    currency = env.get("KEIZOKU_CURRENCY") or "JPY"
    if currency not in {row["currency"] for row in seed("currencies")}:
        raise SettingsError(
            f"KEIZOKU_CURRENCY={currency!r} is not in seeds/currencies.csv; use an ISO 4217 code such as JPY or USD."
        )
    target = env.get("KEIZOKU_TARGET") or "duckdb"
    if target != "duckdb":
        raise SettingsError(
            f"KEIZOKU_TARGET={target!r} cannot be refreshed: landing and publication are DuckDB's so far. Unset it, or "
            "run the models alone elsewhere with dbt."
        )
    accept_rejects = _yes(env, "KEIZOKU_ACCEPT_REJECTS", "publish in spite of rejected rows")
    allow_future = _yes(env, "KEIZOKU_ALLOW_FUTURE", "compute as of a day that has not come")
    now = datetime.now(UTC)
    today = now.astimezone(zone).date()
    as_of_date = _as_of(env.get("KEIZOKU_AS_OF"), raw, today)
    if env.get("KEIZOKU_AS_OF") and as_of_date > today and not allow_future:
        raise SettingsError(
            f"KEIZOKU_AS_OF={as_of_date} has not come: in {time_zone} it is {today}. Use that day or an earlier one, "
            "or KEIZOKU_ALLOW_FUTURE=1 for a simulation, which audit.publication marks."
        )
    return Settings(
        raw=raw,
        home=home,
        as_of_date=as_of_date,
        time_zone=time_zone,
        currency=currency,
        build_id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
        accept_rejects=accept_rejects,
        is_simulation=as_of_date > today,
    )


def home_folder(environment: Mapping[str, str] | None = None) -> Path:
    """The folder of everything that is written."""
    return _folder(os.environ if environment is None else environment, "KEIZOKU_HOME", PROJECT / "data")


def _folder(env: Mapping[str, str], name: str, default: Path) -> Path:
    """A setting that is a folder; raise SettingsError for a name that a database could not find again."""
    folder = Path(env.get(name) or default).resolve()
    try:
        is_utf8 = os.fsencode(folder) == str(folder).encode("utf-8")
    except UnicodeEncodeError:
        is_utf8 = False
    if not is_utf8:
        raise SettingsError(f"{name}={os.fsencode(folder)!r} is no UTF-8. Rename the folder, or set LC_ALL=C.UTF-8.")
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{name}={folder} is a file; it has to be a folder.")
    return folder


def _yes(env: Mapping[str, str], name: str, purpose: str) -> bool:
    """A setting that is 1 or 0; raise SettingsError when it is anything else."""
    text = env.get(name) or "0"
    if text not in ("0", "1"):
        raise SettingsError(f"{name}={text!r} is unknown; use 1 to {purpose}, else 0.")
    return text == "1"


def backfill_environment(settings: Settings, as_of: str) -> dict[str, str]:
    """The settings that compute the same raw files as of a past day, in a home of its own."""
    if not as_of:
        raise SettingsError("Which day? Write it as AS_OF=2026-10-31.")
    day = _as_of(as_of, settings.raw, date.min)
    if day >= datetime.now(UTC).astimezone(ZoneInfo(settings.time_zone)).date():
        raise SettingsError(f"{day} is not past: a backfill computes what was known on an earlier day.")
    home = settings.home / "backfills" / str(day)
    return {
        "KEIZOKU_RAW": str(settings.raw),
        "KEIZOKU_HOME": str(home),
        "KEIZOKU_AS_OF": str(day),
        "DAGSTER_HOME": str(home / "dagster"),
    }


def number(name: str, default: float, least: float) -> float:
    """A setting that is a number; raise SettingsError when it is not one, or too small."""
    text = os.environ.get(name)
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1
    if not least <= value < float("inf"):
        raise SettingsError(f"{name}={text!r} cannot be used; write a number from {least:g} on.")
    return value


def save_settings(settings: Settings) -> None:
    """Keep the settings of a run for its later steps."""
    settings.build.mkdir(parents=True, exist_ok=True)
    settings.run_file.write_text(json.dumps(asdict(settings), default=str, indent=2), encoding="utf-8")


def saved_settings() -> Settings:
    """Settings of the run whose build stands in KEIZOKU_HOME."""
    run_file = read_settings().run_file
    try:
        saved = json.loads(run_file.read_text(encoding="utf-8"))
        return Settings(
            **saved
            | {
                "raw": Path(saved["raw"]),
                "home": run_file.parents[1],  # where it stands now, should it have been moved
                "as_of_date": date.fromisoformat(saved["as_of_date"]),
            }
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:  # TypeError: of another version
        raise SettingsError(
            f"{run_file} is missing or broken: no build to go on with. Run the whole refresh."
        ) from error


def _as_of(text: str | None, raw: Path, today: date) -> date:
    if text:
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise SettingsError(f"KEIZOKU_AS_OF={text!r} is not a date; write it as 2026-10-31.") from error
    company = raw / COMPANY_FILE
    if company.is_file():
        try:
            return date.fromisoformat(json.loads(company.read_text(encoding="utf-8"))["as_of_date"])
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"{company} tells no as_of_date. Set KEIZOKU_AS_OF, or make the demo again.") from error
    return today - timedelta(days=1)


def seed(name: str) -> list[dict[str, str]]:
    """Rows of a seed, as text."""
    with (PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
