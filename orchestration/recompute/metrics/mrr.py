"""MRR at the month end, in the segments of the month's start."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, quotient
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    for month, segment_type, segment_value, sums in world.revenue_cells:
        level = world.money(sums.mrr)
        yield Row(month, segment_type, segment_value, level, None, quotient(level, 1), sums.customers, None)
