"""Twelve times MRR."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, quotient
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    for month, segment_type, segment_value, sums in world.revenue_cells:
        level = 12 * world.money(sums.mrr)
        yield Row(month, segment_type, segment_value, level, None, quotient(level, 1), sums.customers, None)
