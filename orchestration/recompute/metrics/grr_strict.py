"""GRR in which a customer without MRR at a month end in between stays lost."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, ratio_rows
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return ratio_rows(
        world.yearly_cells,
        numerator=lambda sums: world.money(sums.retained_strict),
        denominator=lambda sums: world.money(sums.opening),
        sample=lambda sums: sums.customers,
    )
