"""MRR of products of another family in the month / revalued opening MRR."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, ratio_rows
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return ratio_rows(
        world.sales_cells,
        numerator=lambda sums: world.money(sums.cross_sell),
        denominator=lambda sums: world.money(sums.opening),
        sample=lambda sums: sums.customers,
    )
