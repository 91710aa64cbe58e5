"""Customers with MRR twelve months ago and none now / customers twelve months ago."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, ratio_rows
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return ratio_rows(
        world.yearly_cells,
        numerator=lambda sums: sums.lost,
        denominator=lambda sums: sums.customers,
        sample=lambda sums: sums.customers,
    )
