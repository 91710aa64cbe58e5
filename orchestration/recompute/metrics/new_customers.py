"""Customers whose first MRR is that of the month."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, level_rows
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return level_rows(world.revenue_cells, lambda sums: sums.new, lambda sums: sums.customers)
