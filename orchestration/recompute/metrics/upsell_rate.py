"""Customers who took more seats or a higher tier in the month / customers at its start."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, ratio_rows
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return ratio_rows(
        world.sales_cells,
        numerator=lambda sums: sums.upsold,
        denominator=lambda sums: sums.customers,
        sample=lambda sums: sums.customers,
    )
