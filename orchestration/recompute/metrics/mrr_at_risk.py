"""MRR at the month end of the customers in health tier at_risk."""

from collections.abc import Iterator

from orchestration.recompute.rows import Row, level_rows
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment; without any score nobody is known to be at risk."""
    return level_rows(
        world.health_cells, lambda sums: world.money(sums.at_risk), lambda sums: sums.customers, "no_customers"
    )
