"""The smaller of MRR then and now of the customers who had MRR twelve months ago / their MRR then."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, ratio_rows
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return ratio_rows(
        world.yearly_cells,
        numerator=lambda sums: world.money(sums.retained),
        denominator=lambda sums: world.money(sums.opening),
        sample=lambda sums: sums.customers,
    )
