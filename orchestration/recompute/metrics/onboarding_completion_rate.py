"""Of the customers that started in a month, those that completed onboarding in time and then used the product."""

from collections.abc import Iterator
from typing import NamedTuple

from orchestration.recompute.clock import first_day
from orchestration.recompute.rows import Row, Tally, ratio_rows
from orchestration.recompute.world import World


class Cohort(NamedTuple):
    """Customers with required milestones, and those that completed."""

    customers: int
    completed: int


def is_complete(world: World, customer_id: str, deadline: int) -> bool:
    """Say whether a customer did all that is required by a day, and used the product after it by then."""
    done = max(world.milestones.required[customer_id])
    return done <= deadline and world.usage.used_between(customer_id, done, deadline)


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment; segments are those of the starting month."""
    days = world.seeds.whole("onboarding_days")
    tally = Tally(world.months, Cohort)
    for month in world.months:
        for customer_id in world.starters[month]:
            if customer_id in world.milestones.required:
                completed = is_complete(world, customer_id, world.lives[customer_id].start_day + days)
                tally.add(month, world.segments.of(customer_id, month), 1, int(completed))
    rows = ratio_rows(
        tally.cells(), lambda sums: sums.completed, lambda sums: sums.customers, lambda sums: sums.customers
    )
    for row in rows:
        matured = first_day(row.month + 1) - 1 + days
        if matured > world.clock.as_of:
            yield row._replace(numerator=None, denominator=None, value=None, null_reason="not_matured")
        elif row.sample_size and not world.usage.feed_ran(first_day(row.month), matured):
            yield row._replace(numerator=None, denominator=None, value=None, null_reason="no_data")
        else:
            yield row
