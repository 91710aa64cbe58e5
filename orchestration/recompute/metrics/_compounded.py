"""Products of twelve monthly rates."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import prod

from orchestration.recompute.rows import Row, quotient
from orchestration.recompute.world import World


def compounded(world: World, monthly_key: str) -> Iterator[Row]:
    """Multiply a monthly metric's exact ratios over twelve months, in the rows of the yearly window."""
    monthly = {
        row[:3]: Fraction(row.numerator) / Fraction(row.denominator)
        for row in world.rows(monthly_key)
        if row.denominator and row.numerator is not None
    }
    for month, segment_type, segment_value, sums in world.yearly_cells:
        year = [(at, segment_type, segment_value) for at in range(month - 11, month + 1)]
        values = [monthly[at] for at in year if at in monthly]
        value = quotient(prod(values), 1) if len(values) == len(year) else None
        null_reason = "missing_month" if value is None else None
        yield Row(month, segment_type, segment_value, None, None, value, sums.customers, null_reason)
