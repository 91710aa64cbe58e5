"""From facts of customers to rows by month and segment, and from parts to values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from orchestration.recompute.segments import Segments
from orchestration.recompute.settings import decimal_of

TOTAL = "total"
VALUE_DIGITS = 10
Amount = Fraction | int


class Row(NamedTuple):
    """One month and segment of a metric."""

    month: int
    segment_type: str
    segment_value: str
    numerator: Amount | None
    denominator: Amount | None
    value: Decimal | None
    sample_size: int
    null_reason: str | None


class Cell(NamedTuple):
    """The sums of one month and segment, one for each measure of its tally."""

    month: int
    segment_type: str
    segment_value: str
    sums: Any  # the tally's named tuple


class Tally:
    """Adds measures of customers up by month and segment; the total is there for every month."""

    def __init__(self, months: range, measures: Any) -> None:
        """Start at zero; the measures are the fields of a named tuple."""
        self._months, self._measures, self._width = months, measures, len(measures._fields)
        self._groups: dict[tuple[int, Segments], list[int]] = {}

    def add(self, month: int, segments: Segments, *amounts: int) -> None:
        """Add one customer's measures."""
        sums = self._groups.setdefault((month, segments), [0] * self._width)
        for position, amount in enumerate(amounts):
            sums[position] += amount

    def cells(self) -> list[Cell]:
        """Give the totals and the segments, each month's total first."""
        sums: dict[tuple[int, str, str], list[int]] = {
            (month, TOTAL, TOTAL): [0] * self._width for month in self._months
        }
        for (month, segments), amounts in self._groups.items():
            for segment in ((TOTAL, TOTAL), *zip(Segments._fields, segments, strict=True)):
                cell = sums.setdefault((month, *segment), [0] * self._width)
                for position, amount in enumerate(amounts):
                    cell[position] += amount
        return [Cell(*key, self._measures(*amounts)) for key, amounts in sums.items()]


class Samples:
    """Collects members of months and segments where sums are not enough."""

    def __init__(self, months: range) -> None:
        """Start empty."""
        self._months, self._members = months, defaultdict(list)

    def add(self, month: int, segments: Segments, member: object) -> None:
        """Add one member."""
        for segment in ((TOTAL, TOTAL), *zip(Segments._fields, segments, strict=True)):
            self._members[month, *segment].append(member)

    def items(self) -> Iterator[tuple[tuple[int, str, str], list]]:
        """Give the members of every month and segment; the total is there for every month."""
        for month in self._months:
            self._members.setdefault((month, TOTAL, TOTAL), [])
        yield from self._members.items()


def quotient(numerator: Amount, denominator: Amount) -> Decimal | None:
    """Divide exactly and round once; None where the denominator is 0."""
    return decimal_of(Fraction(numerator) / Fraction(denominator), VALUE_DIGITS) if denominator else None


def ratio_rows(
    cells: list[Cell],
    numerator: Callable[[Any], Amount],
    denominator: Callable[[Any], Amount],
    sample: Callable[[Any], int],
    reason: str = "no_customers",
) -> Iterator[Row]:
    """Divide the measures of every cell; a denominator of 0 gives no value and this reason."""
    for month, segment_type, segment_value, sums in cells:
        above, below = numerator(sums), denominator(sums)
        value = quotient(above, below)
        null_reason = reason if value is None else None
        yield Row(month, segment_type, segment_value, above, below, value, sample(sums), null_reason)


def level_rows(
    cells: list[Cell], level: Callable[[Any], Amount], sample: Callable[[Any], int], reason: str | None = None
) -> Iterator[Row]:
    """Give a measure of every cell as it is; where a reason is given, an empty sample has no level, for this reason."""
    for month, segment_type, segment_value, sums in cells:
        size = sample(sums)
        if reason and not size:
            yield Row(month, segment_type, segment_value, None, None, None, size, reason)
        else:
            amount = level(sums)
            yield Row(month, segment_type, segment_value, amount, None, quotient(amount, 1), size, None)
