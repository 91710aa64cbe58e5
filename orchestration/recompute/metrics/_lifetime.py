"""ARPA x average lifetime, with or without margin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from orchestration.recompute.rows import Row, quotient
from orchestration.recompute.world import World

YEAR = 12


def lifetime_value(world: World, margin_of: Callable[[int], Fraction | None]) -> Iterator[Row]:
    """Multiply ARPA, the capped lifetime by pooled monthly churn, and the margin of the month."""
    cap, fewest = world.seeds.whole("ltv_cap_months"), world.seeds.whole("ltv_minimum_customers")
    windows = {cell[:3]: cell.sums for cell in world.monthly_cells}
    for month, segment_type, segment_value, sums in world.revenue_cells:
        value, null_reason, margin = None, None, margin_of(month)
        if month - YEAR < world.months[0]:
            null_reason = "insufficient_history"
        elif sums.customers < fewest:
            null_reason = "too_few_customers"
        elif margin is None:
            null_reason = world.withheld("unit_economics") or "no_gross_margin"
        else:
            pooled = [windows.get((at, segment_type, segment_value)) for at in range(month - YEAR + 1, month + 1)]
            opening = sum(window.customers for window in pooled if window)
            lost = sum(window.lost for window in pooled if window)
            months = min(Fraction(cap), Fraction(opening, lost)) if lost else Fraction(cap)
            value = quotient(world.money(sums.mrr) * months * margin, sums.customers)
        yield Row(month, segment_type, segment_value, None, None, value, sums.customers, null_reason)
