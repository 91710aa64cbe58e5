"""MRR at the month end of the customers that are new in it."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, quotient
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    for month, segment_type, segment_value, sums in world.start_cells:
        won = world.money(sums.new_mrr)
        yield Row(month, segment_type, segment_value, won, None, quotient(won, 1), sums.customers, None)
