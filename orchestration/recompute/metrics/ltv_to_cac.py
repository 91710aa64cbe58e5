"""Customer lifetime value / cost of winning a new customer."""

from collections.abc import Iterator
from fractions import Fraction

from orchestration.recompute.rows import TOTAL, Row, quotient
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month; the cost is the company's, so that there is a total only."""
    lifetimes = {row.month: row for row in world.rows("ltv") if row.segment_type == TOTAL}
    for payback in world.rows("cac_payback_months"):
        ltv, won, value = lifetimes[payback.month], payback.sample_size, None
        if payback.numerator is None:
            null_reason = payback.null_reason
        elif won == 0:
            null_reason = "no_customers"
        elif payback.numerator == 0:
            null_reason = "no_cost"
        else:
            null_reason = ltv.null_reason
        if null_reason is None and ltv.value is not None and payback.numerator is not None:
            value = quotient(Fraction(ltv.value), Fraction(payback.numerator, won))
        yield Row(payback.month, TOTAL, TOTAL, None, None, value, won, null_reason)
