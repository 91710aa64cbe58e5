"""Cost of three months of winning customers / monthly gross margin of those won."""

from collections.abc import Iterator
from fractions import Fraction

from orchestration.recompute.clock import date_of, first_day
from orchestration.recompute.metrics.ltv import gross_margin
from orchestration.recompute.rows import TOTAL, Row, quotient
from orchestration.recompute.settings import rounded
from orchestration.recompute.world import World

PART_DIGITS = 4


def _costs(world: World) -> dict[int, Fraction]:
    """Give the sales and marketing cost of every published month that has one, in the reporting currency."""
    found, units = {}, world.seeds.minor_units
    rows = {row["period"]: row for row in world.accepted["unit_economics"].to_pylist()}
    for month in world.months:
        row = rows.get(date_of(first_day(month)))
        if row and row["sales_and_marketing_cost"] is not None:
            rate = world.ledger.rates.at(row["currency"], month)
            found[month] = Fraction(rounded(Fraction(row["sales_and_marketing_cost"]) * rate * units), units)
    return found


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month; the cost is the company's, so that there is a total only."""
    costs, length = _costs(world), world.seeds.whole("cac_window_months")
    for month in world.months:
        window = range(month - length + 1, month + 1)
        won = [row for row in world.account_months if row.month in window and row.movement_type == "new"]
        cost: Fraction | None = None
        earned: Fraction | None = None
        null_reason = None
        if not world.clock.is_complete(month):
            null_reason = "month_incomplete"
        elif window[0] < world.months[0]:
            null_reason = "insufficient_history"
        elif any(at not in costs for at in window):
            null_reason = world.withheld("unit_economics") or "no_cost_data"
        else:
            cost, margin = sum((costs[at] for at in window), Fraction(0)), gross_margin(world, month)
            if margin is not None:
                new_mrr = world.money(sum(row.amount("new") for row in won))
                earned = Fraction(rounded(new_mrr * margin, PART_DIGITS), 10**PART_DIGITS)
            if not won:
                null_reason = "no_customers"
            elif earned is None:
                null_reason = "no_gross_margin"
            elif earned <= 0:
                null_reason = "no_margin"
        value = quotient(cost, earned) if null_reason is None and cost is not None and earned is not None else None
        yield Row(month, TOTAL, TOTAL, cost, earned, value, len(won), null_reason)
