"""Kaplan-Meier median of the days from a customer's start to its first value."""

from collections.abc import Iterator

from orchestration.recompute.onboarding import kaplan_meier_median
from orchestration.recompute.rows import Row, Samples, quotient
from orchestration.recompute.world import World

YEAR = 12


def _time(world: World, customer_id: str, last_day: int) -> tuple[int, bool]:
    """Give a customer's days to value or to the end of observation, and whether value was reached."""
    life = world.lives[customer_id]
    reached, end = min(world.milestones.first_value[customer_id]), min(life.first_zero_day, last_day)
    return max(min(reached, end) - life.start_day, 0), reached <= end


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment; segments are those of the starting month."""
    samples = Samples(world.months)
    for month in world.months:
        for start_month in range(month - YEAR + 1, month + 1):
            for customer_id in world.starters.get(start_month, ()):
                if customer_id in world.milestones.first_value:
                    time = _time(world, customer_id, world.clock.end_of(month))
                    samples.add(month, world.segments.of(customer_id, start_month), time)
    for (month, segment_type, segment_value), times in samples.items():
        median = kaplan_meier_median(times)
        value = None if median is None else quotient(median, 1)
        null_reason = None if times and value is not None else "above_half" if times else "no_customers"
        yield Row(month, segment_type, segment_value, None, None, value, len(times), null_reason)
