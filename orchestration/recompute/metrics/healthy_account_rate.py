"""Customers of the healthy tier / customers with a health score."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, ratio_rows
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return ratio_rows(
        world.health_cells,
        numerator=lambda sums: sums.healthy,
        denominator=lambda sums: sums.customers,
        sample=lambda sums: sums.customers,
    )
