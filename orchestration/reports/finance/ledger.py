"""The customer ledger of a workbook: its columns, and sums over it as a formula and as a value."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any, NamedTuple

from orchestration.reports.finance.figures import SEGMENT_TYPES, Customer, Figures, Segment

Value = Any  # what a cell holds (an exact amount, a number, a text, nothing) its column says
OF_THE_MONTH = ("plan_tier", "size_band")  # segments that can change while a window lasts


class Cell(NamedTuple):
    """A formula and its value."""

    formula: str
    value: Value


class Condition(NamedTuple):
    """A condition on the ledger's rows: the column is above 0, or it is 0."""

    column: str
    is_positive: bool

    @property
    def criterion(self) -> str:
        """The condition as SUMIFS takes it."""
        return '">0"' if self.is_positive else "0"


COHORT, ROLLED, OUTSIDE = (
    Condition("opening", True),
    Condition("rolled_opening", True),
    Condition("rolled_opening", False),
)
STAYED, LOST, PAYING = Condition("lapsed", False), Condition("now", False), Condition("now", True)


class Slice(NamedTuple):
    """A segment, the cell that holds its number, and whether customers stand in it by the month or by the window."""

    segment: Segment
    reference: str
    is_month: bool = False


class Ledger:
    """The rows, asked for sums."""

    def __init__(self, figures: Figures) -> None:
        """Number the segments."""
        self.numbers = {segment: number for number, segment in enumerate(figures.segments, start=1)}
        self.rows = [self._row(customer) for customer in figures.customers]
        self._sums: dict[tuple, dict[int | None, Decimal | int]] = {}

    def _row(self, customer: Customer) -> dict[str, Value]:
        row = customer._asdict()
        window = {f"no_{kind}": self.numbers[kind, row[kind]] for kind in SEGMENT_TYPES}
        return row | window | {f"no_month_{kind}": self.numbers[kind, row[f"month_{kind}"]] for kind in OF_THE_MONTH}

    def sum(self, column: str, *conditions: Condition, within: Slice | None = None) -> Cell:
        """Sum a column."""
        return self._aggregate(column, conditions, within)

    def count(self, *conditions: Condition, within: Slice | None = None) -> Cell:
        """Count customers."""
        return self._aggregate(None, conditions, within)

    def _aggregate(self, column: str | None, conditions: tuple[Condition, ...], within: Slice | None) -> Cell:
        by, number = None, None
        criteria = [(test.column, test.criterion) for test in conditions]
        if within:
            kind = within.segment[0]
            by = f"no_month_{kind}" if within.is_month and kind in OF_THE_MONTH else f"no_{kind}"
            number = self.numbers[within.segment]
            criteria.append((by, within.reference))
        text = ",".join(f"ledger_{name},{criterion}" for name, criterion in criteria)
        if column is None:
            formula = f"=COUNTIFS({text})"
        else:
            formula = f"=SUMIFS(ledger_{column},{text})" if criteria else f"=SUM(ledger_{column})"
        return Cell(formula, self._group(column, conditions, by).get(number, 0))

    def _group(
        self, column: str | None, conditions: tuple[Condition, ...], by: str | None
    ) -> dict[int | None, Decimal | int]:
        key = (column, conditions, by)
        if key not in self._sums:
            sums = self._sums[key] = defaultdict(int)
            for row in self.rows:
                if all((row[test.column] > 0) == test.is_positive for test in conditions):
                    sums[row[by] if by else None] += 1 if column is None else row[column]
        return self._sums[key]
