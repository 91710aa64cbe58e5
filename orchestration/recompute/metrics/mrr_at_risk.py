"""MRR at the month end of the customers in health tier at_risk."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, quotient
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment; without any score nobody is known to be at risk."""
    for month, segment_type, segment_value, sums in world.health_cells:
        cell = (month, segment_type, segment_value)
        if sums.customers:
            level = world.money(sums.at_risk)
            yield Row(*cell, level, None, quotient(level, 1), sums.customers, None)
        else:
            yield Row(*cell, None, None, None, 0, "no_customers")
