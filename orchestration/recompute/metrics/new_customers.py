"""Customers whose first MRR is that of the month."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, quotient
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    for month, segment_type, segment_value, sums in world.start_cells:
        yield Row(month, segment_type, segment_value, sums.new, None, quotient(sums.new, 1), sums.customers, None)
