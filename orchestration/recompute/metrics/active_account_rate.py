"""Customers that used a core feature lately / customers with MRR that are old enough to be asked."""

from collections.abc import Iterator
from typing import NamedTuple

from orchestration.recompute.rows import Row, Tally, ratio_rows
from orchestration.recompute.world import World


class Accounts(NamedTuple):
    """Customers that qualify, and the active ones."""

    customers: int
    active: int


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    days = world.seeds.whole("active_window_days")
    tally = Tally(world.months, Accounts)
    for month in world.months:
        day = world.clock.end_of(month)
        core_days = world.usage.core_days(day - days + 1, day)
        for customer_id in world.paying(month):
            if day - world.lives[customer_id].start_day >= days:
                tally.add(month, world.segments.of(customer_id, month), 1, int(customer_id in core_days))
    rows = ratio_rows(tally.cells(), lambda sums: sums.active, lambda sums: sums.customers, lambda sums: sums.customers)
    for row in rows:
        day = world.clock.end_of(row.month)
        if world.usage.feed_ran(day - days + 1, day):
            yield row
        else:
            yield row._replace(numerator=None, denominator=None, value=None, null_reason="no_data")
