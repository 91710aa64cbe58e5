"""What a run is told from outside, the seeds, and the errors that stop it."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
SEEDS = PROJECT / "seeds"
CONTRACT = PROJECT / "models" / "sources" / "raw.yml"
RECOMPUTED = PROJECT / "models" / "sources" / "recomputed.yml"


class RecomputeError(Exception):
    """Something that stops the second opinion; its text is for the person who runs the refresh."""


class RawFileError(RecomputeError):
    """A raw file that is missing, unreadable or lacks a required column."""


class MissingRateError(RecomputeError):
    """A currency without a rate on or before a month that needs it."""


@dataclass(frozen=True)
class Settings:
    """The settings of a run that change figures."""

    as_of_date: date
    time_zone: str = "Asia/Tokyo"
    currency: str = "JPY"
    accept_rejects: bool = field(default=False, kw_only=True)
    home: Path | None = field(kw_only=True)  # whose closed months are read; None for a company that closes none


class Limits(NamedTuple):
    """How many rows of a table may be rejected, in number and as a share, and what happens above both."""

    rows: int
    share: Fraction
    on_breach: str


def _day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


class Seeds:
    """The business constants of the seeds folder, for one reporting currency."""

    def __init__(self, folder: Path, currency: str) -> None:
        """Read nothing yet; every seed is read when it is first asked for."""
        self.folder = Path(folder)
        self.currency = currency

    def _rows(self, name: str) -> list[dict[str, str]]:
        with (self.folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def _policy(self) -> dict[str, str]:
        return {row["setting"]: row["value"] for row in self._rows("policy")}

    def text(self, setting: str) -> str:
        """Give a policy setting as it is written."""
        return self._policy[setting]

    def whole(self, setting: str) -> int:
        """Give a policy setting that is a whole number."""
        return int(self._policy[setting])

    def fraction(self, setting: str) -> Fraction | None:
        """Give a policy setting that is a decimal, None when it is empty."""
        text = self._policy.get(setting)
        return Fraction(text) if text else None

    @cached_property
    def currency_digits(self) -> dict[str, int]:
        """Digits of the minor unit of every known currency."""
        return {row["currency"]: int(row["minor_unit_digits"]) for row in self._rows("currencies")}

    @cached_property
    def minor_units(self) -> int:
        """Minor units in one major unit of the reporting currency."""
        if self.currency not in self.currency_digits:
            raise RecomputeError(f"The reporting currency {self.currency} is not in seeds/currencies.csv.")
        return self.minor_units_of(self.currency)

    def minor_units_of(self, currency: str) -> int:
        """Give the minor units in one major unit of a currency."""
        return 10 ** self.currency_digits[currency]

    def tolerance(self, tie_out: str) -> tuple[Fraction, Fraction]:
        """Give the relative and the absolute bound of a tie-out in the reporting currency."""
        rows = [
            row
            for row in self._rows("tie_out_tolerances")
            if row["tie_out"] == tie_out and row["currency"] in ("any", self.currency)
        ]
        return (
            max((Fraction(row["relative_tolerance"]) for row in rows), default=Fraction(0)),
            max((Fraction(row["absolute_tolerance"]) for row in rows), default=Fraction(0)),
        )

    def reject_limits(self, table: str) -> Limits:
        """Give what a raw table may lose; what its row does not say is said for all."""
        found = {row["table_name"]: row for row in self._rows_of_versions("reject_limits")}
        said = {name: found.get(table, {}).get(name) or value for name, value in found["*"].items()}
        return Limits(int(said["max_rejected_rows"]), Fraction(said["max_rejected_share"]), said["on_breach"])

    @cached_property
    def size_bands(self) -> list[tuple[Fraction, str]]:
        """Lower bound and name of the size bands of the reporting currency, lowest first."""
        rows = [row for row in self._rows("size_bands") if row["currency"] == self.currency]
        return sorted((Fraction(row["lower_mrr"]), row["size_band"]) for row in rows)

    @cached_property
    def touch_models(self) -> list[tuple[str, Fraction | None, int | None]]:
        """Touch model, lowest ARR and lowest employee count that earn it: high before low."""
        rows = {row["touch_model"]: row for row in self._rows("touch_models") if row["currency"] == self.currency}
        return [
            (
                name,
                Fraction(rows[name]["lower_arr"]) if rows[name]["lower_arr"] else None,
                int(rows[name]["lower_employee_count"]) if rows[name]["lower_employee_count"] else None,
            )
            for name in ("high", "low")
            if name in rows
        ]

    def _in_force(self, name: str, day: int) -> list[dict[str, str]]:
        """Give the rows of the latest version that is valid on a day."""
        rows = [row for row in self._rows_of_versions(name) if _day(row["valid_from"]) <= day]
        if not rows:
            return []
        latest = max((_day(row["valid_from"]), row["score_version"]) for row in rows)
        return [row for row in rows if (_day(row["valid_from"]), row["score_version"]) == latest]

    def _rows_of_versions(self, name: str) -> list[dict[str, str]]:
        versions: dict[str, list[dict[str, str]]] = self.__dict__.setdefault("_versions", {})
        if name not in versions:
            versions[name] = self._rows(name)
        return versions[name]

    def listed(self, name: str) -> list[dict[str, str]]:
        """Give the rows of a seed of words as they are written."""
        return self._rows(name)

    @cached_property
    def recurring_ledger_accounts(self) -> set[str]:
        """Ledger accounts that hold recurring revenue."""
        return {row["ledger_account"] for row in self._rows("recurring_ledger_accounts")}

    def health_version(self, day: int) -> str:
        """Name of the version of the components in force on a day."""
        return self._in_force("health_components", day)[0]["score_version"]

    def health_components(self, day: int) -> dict[str, tuple[Fraction, tuple[Fraction, Fraction, Fraction]]]:
        """Weight and inputs at score 0, 50 and 100 of every component in force on a day (proleptic ordinal)."""
        return {
            row["component"]: (
                Fraction(row["weight"]),
                (Fraction(row["input_at_0"]), Fraction(row["input_at_50"]), Fraction(row["input_at_100"])),
            )
            for row in self._in_force("health_components", day)
        }

    def health_tiers(self, day: int) -> list[tuple[Fraction, str]]:
        """Lower score and name of the tiers in force on a day, highest first; `unknown` has no lower score."""
        rows = [row for row in self._in_force("health_tiers", day) if row["lower_score"]]
        return sorted(((Fraction(row["lower_score"]), row["tier"]) for row in rows), reverse=True)

    def red_flags(self, day: int) -> dict[str, tuple[str, int, int]]:
        """Tier that a red flag caps at, days until it holds and days for which it does, in force on a day."""
        return {
            row["red_flag"]: (row["cap_tier"], int(row["grace_days"]), int(row["expires_after_days"]))
            for row in self._in_force("red_flags", day)
        }

    def health_words(self, day: int) -> dict[str, dict[str, dict[str, str]]]:
        """Rows of components, tiers and red flags in force on a day, each by its name: how they are put in words."""
        keys = {"health_components": "component", "health_tiers": "tier", "red_flags": "red_flag"}
        return {seed: {row[key]: row for row in self._in_force(seed, day)} for seed, key in keys.items()}


_WIDE = Context(prec=60)


def decimal_of(amount: Fraction | int, digits: int) -> Decimal:
    """Write an exact number as a decimal, rounded half away from zero."""
    return Decimal(rounded(amount, digits)).scaleb(-digits, _WIDE)


def rounded(amount: Fraction | int, digits: int = 0) -> int:
    """Round half away from zero to so many digits; the result counts units of the last digit."""
    return divided(amount.numerator * 10**digits, amount.denominator)


def divided(numerator: int, denominator: int) -> int:
    """Divide by a positive integer and round half away from zero."""
    if denominator == 1:
        return numerator
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return size if numerator >= 0 else -size
