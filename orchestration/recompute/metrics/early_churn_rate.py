"""Of the customers that started three months before a month, those whose MRR fell to 0 within three months."""

from collections.abc import Iterator
from typing import NamedTuple

from orchestration.recompute.clock import add_months
from orchestration.recompute.rows import Row, Tally, ratio_rows
from orchestration.recompute.world import World


class Starters(NamedTuple):
    """Customers of a starting month, and those lost early."""

    customers: int
    lost: int


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment; segments are those of the starting month."""
    months = world.seeds.whole("early_churn_months")
    tally = Tally(world.months, Starters)
    for month in world.months:
        for customer_id in world.starters[month - months]:
            life = world.lives[customer_id]
            is_lost = life.first_zero_day < add_months(life.start_day, months)
            tally.add(month, world.segments.of(customer_id, month - months), 1, int(is_lost))
    rows = ratio_rows(tally.cells(), lambda sums: sums.lost, lambda sums: sums.customers, lambda sums: sums.customers)
    for row in rows:
        if world.clock.is_complete(row.month):
            yield row
        else:
            yield row._replace(numerator=None, denominator=None, value=None, null_reason="month_incomplete")
