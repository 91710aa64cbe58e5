"""Usage of the customers that are old enough to be asked: with MRR, and a customer all through the window."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from orchestration.recompute.rows import Row, Tally, ratio_rows
from orchestration.recompute.world import World


class Asked(NamedTuple):
    """Customers asked, what they used, and what there was to use for them."""

    customers: int
    used: int
    possible: int


def usage_rows(
    world: World,
    used: Callable[[int, int], dict[str, int]],
    possible: Callable[[int], int] = lambda day: 1,
    nothing_to_use: str = "no_customers",
) -> Iterator[Row]:
    """Give what customers used between two days over what there was by the last; `no_data` where no feed ran."""
    days = world.seeds.whole("active_window_days")
    tally = Tally(world.months, Asked)
    for month in world.months:
        day = world.clock.end_of(month)
        counts, most = used(day - days + 1, day), possible(day)
        for customer_id in world.paying(month):
            if day - world.lives[customer_id].start_day >= days:
                tally.add(month, world.segments.of(customer_id, month), 1, counts.get(customer_id, 0), most)
    rows = ratio_rows(
        tally.cells(), lambda sums: sums.used, lambda sums: sums.possible, lambda sums: sums.customers, nothing_to_use
    )
    for row in rows:
        day = world.clock.end_of(row.month)
        if not world.usage.feed_ran(day - days + 1, day):
            yield row._replace(numerator=None, denominator=None, value=None, null_reason="no_data")
        elif row.value is None and not row.sample_size:
            yield row._replace(null_reason="no_customers")
        else:
            yield row
