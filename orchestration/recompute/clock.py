"""Local days of a time zone, and the months of a run. Instants are microseconds of UTC, days and months are whole
numbers: days since 1970-01-01, months as year * 12 + month - 1."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from orchestration.recompute.settings import RecomputeError

SECOND = 1_000_000
DAY = 86_400 * SECOND
EPOCH = date(1970, 1, 1).toordinal()
FAR = 1 << 40  # a day and a month that never come
_LAST_MINUTE = 23 * 3600 + 59 * 60


def day_of(value: date) -> int:
    """Number a date."""
    return value.toordinal() - EPOCH


def date_of(day: int) -> date:
    """Give the date of a day number."""
    return date.fromordinal(day + EPOCH)


def month_of(day: int) -> int:
    """Number the month that holds a day."""
    value = date_of(day)
    return value.year * 12 + value.month - 1


@lru_cache(maxsize=4096)
def first_day(month: int) -> int:
    """Give the first day of a month."""
    return day_of(date(month // 12, month % 12 + 1, 1))


def add_months(day: int, months: int) -> int:
    """Move a day by calendar months; a day that its month lacks becomes the month's last."""
    month = month_of(day) + months
    return min(first_day(month) + date_of(day).day - 1, first_day(month + 1) - 1)


def _offset_at(zone: ZoneInfo, second: int) -> int:
    return round((datetime.fromtimestamp(second, zone).utcoffset() or timedelta()).total_seconds())


@lru_cache(maxsize=16)
def _transitions(zone: ZoneInfo, last_day: int) -> tuple[list[int], list[int]]:
    """Find the instants from 1970 on at which a zone's offset changes, and the offsets from then on."""
    before = _offset_at(zone, 0)
    starts, offsets = [-(1 << 62)], [before * SECOND]
    for day in range(last_day):
        after = _offset_at(zone, (day + 1) * 86_400)
        if before != after:
            low, high = day * 86_400, (day + 1) * 86_400
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset_at(zone, middle) == before else (low, middle)
            starts.append(high * SECOND)
            offsets.append(after * SECOND)
            before = after
    return starts, offsets


class Clock:
    """The reporting time zone and the as-of date."""

    def __init__(self, time_zone: str, as_of_date: date) -> None:
        """Tabulate the zone's offsets from 1970 to ten years past the as-of date."""
        try:
            self.zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise RecomputeError(f"The time zone {time_zone} is not known.") from error
        self.as_of = day_of(as_of_date)
        self.as_of_month = month_of(self.as_of)
        self._from, self._offsets = _transitions(self.zone, self.as_of + 4000)
        self._from_array = np.array(self._from, dtype=np.int64)
        self._offset_array = np.array(self._offsets, dtype=np.int64)

    def _offset(self, instant: int) -> int:
        return self._offsets[max(bisect_right(self._from, instant) - 1, 0)]

    def local_day(self, instant: int) -> int:
        """Give the local day of an instant."""
        return (instant + self._offset(instant)) // DAY

    def local_days(self, instants: np.ndarray) -> np.ndarray:
        """Give the local days of many instants."""
        position = np.searchsorted(self._from_array, instants, side="right") - 1
        return (instants + self._offset_array[np.maximum(position, 0)]) // DAY

    def start_of(self, day: int) -> int:
        """Give the first instant of a local day."""
        guess = day * DAY
        candidates = [guess - self._offset(guess + shift) for shift in (-DAY, 0, DAY)]
        return min(instant for instant in candidates if self.local_day(instant) >= day)

    def next_midnight_if_inclusive(self, instant: int) -> int | None:
        """Give the local midnight after an instant of a day's last minute, None for any other instant."""
        second = (instant + self._offset(instant)) % DAY // SECOND
        return self.start_of(self.local_day(instant) + 1) if second >= _LAST_MINUTE else None

    def end_of(self, month: int) -> int:
        """Give the day a month is read at: its last, or the as-of date in the month that holds it."""
        return min(first_day(month + 1) - 1, self.as_of)

    def is_complete(self, month: int) -> bool:
        """Say whether a month's last day is on or before the as-of date."""
        return first_day(month + 1) - 1 <= self.as_of
