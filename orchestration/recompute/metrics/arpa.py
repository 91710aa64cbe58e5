"""MRR of a month end / paying customers."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, ratio_rows
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return ratio_rows(
        world.revenue_cells,
        numerator=lambda sums: world.money(sums.mrr),
        denominator=lambda sums: sums.customers,
        sample=lambda sums: sums.customers,
    )
