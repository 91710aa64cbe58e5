"""MRR at the month end, in the segments of the month's start."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, level_rows
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return level_rows(world.revenue_cells, lambda sums: world.money(sums.mrr), lambda sums: sums.customers)
